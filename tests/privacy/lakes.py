"""A lake of two small nights with one client whose numbers and words occur nowhere else, built without a source."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from include import settlement
from include.cases import CaseBook, QueueFilter, SavedView
from include.features.state import STATE_SCHEMAS
from include.lake import TABLES, Lake, RunStamp, Table
from include.marts import MART_TABLES
from include.masking.finding_ids import with_break_ids
from include.masking.keys import NameKeyStore, Namer
from include.night.carried_state import STATE_LOOKBACK, of_night, state_table
from include.night.derived import DerivedTables
from include.night.finish import write_alerts_sheet
from include.night.masking import LakeNames, MaskedNight, Masks
from include.night.publishing import NightOutputs, Provenance, as_published, manifest_row, write_night
from include.quality.admission import Counts, amount_cents
from include.quality.sealed_quarantine import seal_quarantine
from include.security.envelope import Envelope
from include.settings import Settings
from tests.privacy.searching import places

NIGHTS = (date(1994, 1, 3), date(1994, 1, 4))
LAST_RECORD = NIGHTS[-1]

CLIENT, OTHER, PARTNER = 870000001, 1, 2
"""The client to be erased, one who has nothing to do with them, and one who may use an account of the client's."""
ACCOUNT, DISPOSITION, CARD, ORDER, LOAN = 870000011, 870000021, 870000031, 870000041, 870000051
SHARED_RIGHT = 870000022
OTHERS_ACCOUNT, SHARED_ACCOUNT = 11, 12
PAYEE = "CANARY-PAYEE-7431"
"""A counterparty that only the client pays."""
CANARIES = (*map(str, (CLIENT, ACCOUNT, DISPOSITION, CARD, ORDER, LOAN, SHARED_RIGHT)), PAYEE)


def posting_of(night: date, account: int = ACCOUNT) -> int:
    """The number of an account's posting of a night."""
    return {ACCOUNT: 870000100, OTHERS_ACCOUNT: 100, SHARED_ACCOUNT: 200}[account] + night.day


def canaries() -> tuple[str, ...]:
    """The client's numbers and words."""
    return (*CANARIES, *(str(posting_of(night)) for night in NIGHTS))


def pseudonyms(folder: Path) -> set[str]:
    """What masked tables call the client, in every key version."""
    keys = NameKeyStore.open(uri_of(folder), settings_of(folder)).find()
    if keys is None:
        return set()
    named = {
        "account": ACCOUNT,
        "client": CLIENT,
        "disposition": DISPOSITION,
        "card": CARD,
        "loan": LOAN,
        "order": ORDER,
    }
    postings = {str(posting_of(night)) for night in NIGHTS}
    return {
        keys.namer(kind, version).name(str(number)) for version in keys.versions for kind, number in named.items()
    } | {keys.namer("transaction", version).name(number) for version in keys.versions for number in postings}


def findings(folder: Path) -> set[str]:
    """The ids of findings about the client."""
    keys = NameKeyStore.open(uri_of(folder), settings_of(folder)).find()
    if keys is None:
        return set()
    breaks = (_published(night, keys.finding_namer)["settlement_breaks"].to_pylist() for night in NIGHTS)
    return {
        row["finding_id"] for row in chain.from_iterable(breaks) if any(canary in row["text"] for canary in CANARIES)
    }


def settings_of(folder: Path, **values: Any) -> Settings:
    """Settings with a key of the folder's own."""
    return Settings(key_file=folder / "keys" / "lake.key", lake_uri=uri_of(folder), **values)


def uri_of(folder: Path) -> str:
    """The lake's address."""
    return f"file:{folder / 'lake'}"


def build(folder: Path) -> None:
    """Publish the nights, with their sheets of alerts."""
    settings = settings_of(folder)
    lake = Lake.open(uri_of(folder), settings)
    for night in NIGHTS:
        publish_night(lake, night, settings)
        write_alerts_sheet(uri_of(folder), lake, night)
    work_on_cases(folder)


def build_small(folder: Path) -> None:
    """Publish one night of few tables, for tests that erase it again and again."""
    settings = settings_of(folder)
    publish_small(Lake.open(uri_of(folder), settings), settings)


def publish_small(lake: Lake, settings: Settings, attempt: int = 1, night: date = NIGHTS[0]) -> None:
    """Publish a night with its hashed tables alone, and the relations that say whose the accounts are.

    A night that is played again keeps the reviews that the lake has of it, and takes in no others.
    """
    outputs = _outputs(night, settings, LakeNames.of(lake, settings.lake_uri, settings).masks())
    relations = ("fin_client", "fin_disposition", "fin_account", "fin_card") if attempt == 1 else ()
    few = replace(
        outputs,
        statics={name: outputs.statics[name] for name in relations},
        state=[*_reviews(night, with_reviews=attempt == 1 and night == NIGHTS[0])],
        derived=[],
    )
    stamp, row = _stamp_and_row(few, night, settings, None, attempt)
    write_night(lake, stamp, few)
    lake.publish_manifest(row, stamp)
    write_alerts_sheet(settings.lake_uri, lake, night)


def _stamp_and_row(
    outputs: NightOutputs, night: date, settings: Settings, masks: Masks | None, attempt: int
) -> tuple[RunStamp, dict[str, Any]]:
    """The stamp and the manifest row of a night; one without masks is of a version that had no masked tables."""
    provenance = Provenance(f"made up {attempt}", None, 0, None, settings)
    stamp = RunStamp(provenance.run_key(night.isoformat()), "test", night)
    said: Any = {"warnings": []}
    apart = [*masks.counted_apart(outputs), outputs.outbox(night)] if masks else []
    derived = DerivedTables.of([*outputs.derived, *apart], 0)
    row = manifest_row(stamp, outputs, provenance, datetime(1994, 1, 1, tzinfo=UTC), said, derived)
    return stamp, {**row, "attempt": attempt, "derived": row["derived"] if masks else None}


def leave_behind(folder: Path) -> None:
    """Leave rows that no reader sees: of a run that never published, of expired snapshots, in files of no snapshot."""
    lake = Lake.open(uri_of(folder), settings_of(folder))
    rows = lake.read("fin_transaction", NIGHTS[0], NIGHTS[0]).drop_columns(["run_key"])
    for _ in range(2):
        lake.replace("fin_transaction", NIGHTS[0], rows, RunStamp("never published", "test", NIGHTS[0]))
    data = folder / "lake" / "ads" / "fin_transaction" / "data"
    shutil.copyfile(next(data.rglob("*.parquet")), data / "orphan.parquet")
    (data / "torn.parquet").write_bytes((data / "orphan.parquet").read_bytes()[:-20])


def publish_night(lake: Lake, night: date, settings: Settings, attempt: int = 1) -> None:
    """Publish one night as the night's own steps do."""
    masks = LakeNames.of(lake, settings.lake_uri, settings).masks()
    outputs = _outputs(night, settings, masks)
    stamp, row = _stamp_and_row(outputs, night, settings, masks, attempt)
    write_night(lake, stamp, outputs)
    MaskedNight.of(masks, outputs.statics, night).write(lake, stamp, outputs, row)
    lake.publish_manifest(row, stamp)


def _outputs(night: date, settings: Settings, masks: Masks) -> NightOutputs:
    published = as_published(_published(night, masks.keys.finding_namer))
    postings = published["fin_transaction"]
    rows, cents = postings.num_rows, amount_cents(postings)
    marts = [*_marts(night, published["settlement_breaks"])]
    return NightOutputs(
        published=published,
        sealed_quarantine=seal_quarantine(published["quarantine"], night, Envelope.open(settings)),
        statics={name: _table(name, rows) for name, rows in _statics().items()},
        state=[*_states(night), *_reviews(night, with_reviews=night == NIGHTS[1])],
        derived=marts,
        shown={"mart_district_months": {table.name: rows for table, rows in marts}["mart_district_months"]},
        counts=Counts(offered_rows=rows, published_rows=rows, offered_cents=cents, published_cents=cents),
    )


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = pa.schema([field for field in TABLES[name].schema if field.name != "run_key"])
    return pa.Table.from_pylist(rows, schema)


def _statics() -> dict[str, list[dict[str, Any]]]:
    opened = {"district_id": 1, "create_date": date(1993, 1, 1), "frequency": "M"}
    person = {"gender": "F", "district_id": 1}
    # Enough alike that the home of each may be shown.
    clients = (CLIENT, OTHER, PARTNER, 3, 4, 5)
    return {
        "fin_district": [{"district_id": 1, "district_name": "Praha"}],
        "fin_client": [{"client_id": n, "birth_date": date(1950, 1, 1), **person} for n in clients],
        "fin_account": [{"account_id": n, **opened} for n in (ACCOUNT, OTHERS_ACCOUNT, SHARED_ACCOUNT)],
        "fin_disposition": [
            {"disp_id": DISPOSITION, "client_id": CLIENT, "account_id": ACCOUNT, "disp_type": "O"},
            {"disp_id": SHARED_RIGHT, "client_id": CLIENT, "account_id": SHARED_ACCOUNT, "disp_type": "O"},
            {"disp_id": 1, "client_id": OTHER, "account_id": OTHERS_ACCOUNT, "disp_type": "O"},
            {"disp_id": 2, "client_id": PARTNER, "account_id": SHARED_ACCOUNT, "disp_type": "D"},
        ],
        "fin_card": [{"card_id": CARD, "disp_id": DISPOSITION}, {"card_id": 1, "disp_id": 1}],
        "fin_order": [{"order_id": ORDER, "account_id": ACCOUNT}, {"order_id": 1, "account_id": OTHERS_ACCOUNT}],
        "fin_loan": [{"loan_id": LOAN, "account_id": ACCOUNT}, {"loan_id": 1, "account_id": OTHERS_ACCOUNT}],
    }


def _published(night: date, namer: Namer) -> dict[str, pa.Table]:
    accounts = (ACCOUNT, OTHERS_ACCOUNT, SHARED_ACCOUNT)
    day = {"settlement_date": night}
    findings = [
        {
            **day,
            "account_id": account,
            "trans_id": posting_of(night, account),
            "text": f"Account {account} pays oddly.",
            "masked_text": "Account … pays oddly.",
        }
        for account in accounts
    ]
    unnamed = [
        {
            **day,
            "text": f"Card {card}, valid from {night}, refers to nobody.",
            "masked_text": f"Card …, valid from {night}, refers to nobody.",
            "subject": f"card {card}",
        }
        for card in (CARD, 1)
    ]
    # On an account that stays with another client, about the right of this one.
    unnamed.append(
        {
            **day,
            "account_id": SHARED_ACCOUNT,
            "text": f"Disposition {SHARED_RIGHT}, valid from {night}, refers to client {CLIENT}.",
            "masked_text": f"Disposition …, valid from {night}, refers to client ….",
            "subject": f"disposition {SHARED_RIGHT} refers to client {CLIENT}",
        }
    )
    told = _table("settlement_breaks", [{**row, "check_code": "unknown_reference"} for row in (*findings, *unnamed)])
    breaks = with_break_ids(told, namer)
    known = {name for name in TABLES["alerts"].schema.names if name in breaks.column_names}
    alerts = [
        {**{name: row[name] for name in known}, "rank": rank, "kind": "break", "code": row["check_code"]}
        for rank, row in enumerate(breaks.to_pylist(), start=1)
    ]
    rows = {
        "fin_transaction": [_posting(night, account) for account in accounts],
        "anomaly_scores": [
            {
                **day,
                "account_id": account,
                "trans_id": posting_of(night, account),
                "score": 0.5,
                "is_flagged": False,
                "detector_scores": [("rarity", 0.4), ("contrast", 0.6)],
            }
            for account in accounts
        ],
        "alerts": alerts,
        "quarantine": [
            {
                "night": night,
                "relation": "fin_card",
                "source_uri": "file:/bank/card.asc",
                "line": n,
                "raw": f'"{card}";"{right}";"junior"',
                "reason_codes": [],
            }
            for n, (card, right) in enumerate([(CARD, DISPOSITION), (1, 1)])
        ],
    }
    return {"settlement_breaks": breaks, **{name: _table(name, found) for name, found in rows.items()}}


def _posting(night: date, account: int) -> dict[str, Any]:
    return {
        "trans_id": posting_of(night, account),
        "account_id": account,
        "trans_date": night,
        "settlement_date": night,
        "amount": Decimal("100.00") + account % 7,
        "trans_type": "D",
        # The other client pays the client: their posting stays, and names no number of our client's here.
        "counterparty": PAYEE if account == ACCOUNT else "ELECTRICITY",
        "source_uri": "file:/bank/trans.asc",
        "source_line": account % 1000,
    }


def _reviews(night: date, *, with_reviews: bool) -> Iterator[tuple[Table, pa.Table]]:
    if with_reviews:
        said = {"settlement_date": night, "decision": "dismissed", "who": "analyst"}
        of_postings = [
            {
                **said,
                "trans_id": posting_of(NIGHTS[0], account),
                "reason": f"known to {account}",
                "review_key": str(account),
            }
            for account in (ACCOUNT, OTHERS_ACCOUNT)
        ]
        yield TABLES["reviews"], _table("reviews", of_postings)


def _marts(night: date, breaks: pa.Table) -> Iterator[tuple[Table, pa.Table]]:
    """Rows of every mart; those of one grain an account say who owns it, and findings are the breaks of postings."""
    owners = {ACCOUNT: CLIENT, OTHERS_ACCOUNT: OTHER, SHARED_ACCOUNT: CLIENT}
    kept = ("finding_id", "text", "masked_text")
    told = {
        row["account_id"]: {**{name: row[name] for name in kept}, **_BREAK}
        for row in breaks.to_pylist()
        if row["trans_id"] is not None
    }
    for table in MART_TABLES.values():
        schema = pa.schema([field for field in table.schema if field.name != "run_key"])
        row = {"settlement_date": night, "gender": "F", "client_age": 40, **_PLACE}
        rows = [
            {
                **row,
                **told[account],
                "account_id": account,
                "client_id": owner,
                "trans_id": posting_of(night, account),
                "rank": rank,
            }
            for rank, (account, owner) in enumerate(owners.items(), start=1)
        ]
        known = [{key: value for key, value in each.items() if key in schema.names} for each in rows]
        yield table, pa.Table.from_pylist(known if "account_id" in schema.names else known[:1], schema)


_PLACE = {"shown_district": "Praha", "shown_region": "Praha"}
_BREAK = {"kind": "break", "code": "unknown_reference", "severity": "error"}


def work_on_cases(folder: Path) -> None:
    """Let people work on the client's case: look, note, propose, and keep a view of it."""
    settings, now = settings_of(folder), datetime(1994, 1, 5, 9, tzinfo=UTC)
    book = CaseBook.open(settings.lake_uri, settings)
    book.follow(Lake.open(settings.lake_uri, settings), now)
    (row,) = book.queue(QueueFilter(account=ACCOUNT), now, sees_accounts=True).rows
    book.audit.record("ann", "viewed", row.case_id, now, account=ACCOUNT)
    book.note(row.case_id, "ann", now, f"Client {CLIENT} was called about {PAYEE}.")
    book.snooze(row.case_id, "unknown_reference", date(1994, 1, 9), "ann", now, f"Account {ACCOUNT} is being closed.")
    book.save_view("ann", SavedView("hers", QueueFilter(search=str(ACCOUNT))))


def _states(night: date) -> Iterator[tuple[Any, pa.Table]]:
    for name, schema in {**settlement.STATE_SCHEMAS, **STATE_SCHEMAS}.items():
        rows = [_state_row(schema, own) for own in (True, False)]
        yield state_table(name, schema), of_night(pa.Table.from_pylist(rows, schema), night)
    if night == NIGHTS[0]:
        before = [_posting(date(1994, 1, 2), account) for account in (ACCOUNT, OTHERS_ACCOUNT)]
        yield STATE_LOOKBACK, of_night(_table("fin_transaction", before), night, "night")


def _state_row(schema: pa.Schema, own: bool) -> Mapping[str, Any]:
    numbers = {"account_id": (ACCOUNT, OTHERS_ACCOUNT), "order_id": (ORDER, 1), "loan_id": (LOAN, 1)}
    texts = {"counterparty": (PAYEE, "ELECTRICITY")}
    return {name: both[not own] for name, both in {**numbers, **texts}.items() if name in schema.names}


def traces(folder: Path) -> list[str]:
    """The files of a lake that hold a canary, or a name made of one, in whatever way it is written."""
    return places(folder / "lake", {*canaries(), *pseudonyms(folder), *findings(folder)})


def rows_of_others(lake: Lake) -> dict[str, list[dict[str, object]]]:
    """The rows of some tables that name nobody but other clients, by table."""
    names = ("fin_transaction", "fin_client", "fin_disposition", "alerts", "anomaly_scores", "state_counterparties")
    found = {name: lake.read(name).drop_columns(["run_key"]).to_pylist() for name in names}
    return {name: [row for row in rows if "87000" not in str(row)] for name, rows in found.items()}


TODAY = date(2026, 1, 1)
ERASABLE_FROM = date(2004, 1, 5)
"""The day after the ten years that the client's newest record is kept for."""


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of the lake and of its keys, with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
