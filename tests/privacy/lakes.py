"""A lake of three small nights with one client whose numbers and words occur nowhere else, built without a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from include import settlement
from include.features.state import STATE_SCHEMAS
from include.lake import TABLES, Lake, RunStamp
from include.night.carried_state import STATE_LOOKBACK, of_night, state_table
from include.night.finish import write_alerts_sheet
from include.night.publishing import NightOutputs, Provenance, as_published, manifest_row, write_night
from include.quality.admission import Counts, amount_cents
from include.quality.sealed_quarantine import seal_quarantine
from include.security.envelope import Envelope
from include.settings import Settings

NIGHTS = (date(1994, 1, 3), date(1994, 1, 4), date(1994, 1, 5))
LAST_RECORD = NIGHTS[-1]

CLIENT, OTHER, PARTNER = 870000001, 1, 2
"""The client to be erased, one who has nothing to do with them, and one who may use an account of the client's."""
ACCOUNT, DISPOSITION, CARD, ORDER, LOAN = 870000011, 870000021, 870000031, 870000041, 870000051
SHARED_RIGHT = 870000022
OTHERS_ACCOUNT, SHARED_ACCOUNT = 11, 12
PAYEE = "CANARY-PAYEE-7431"
"""A counterparty that only the client pays."""
CANARIES = tuple(str(number) for number in (CLIENT, ACCOUNT, DISPOSITION, CARD, ORDER, LOAN, SHARED_RIGHT)) + (PAYEE,)


def posting_of(night: date, account: int = ACCOUNT) -> int:
    """The number of an account's posting of a night."""
    return {ACCOUNT: 870000100, OTHERS_ACCOUNT: 100, SHARED_ACCOUNT: 200}[account] + night.day


def canaries() -> Iterator[bytes]:
    """The client's numbers and words, as a search looks for them."""
    for canary in (*CANARIES, *(str(posting_of(night)) for night in NIGHTS)):
        yield canary.encode()


def settings_of(folder: Path, **values: Any) -> Settings:
    """Settings with a key of the folder's own."""
    return Settings(key_file=folder / "keys" / "lake.key", lake_uri=uri_of(folder), **values)


def uri_of(folder: Path) -> str:
    """The lake's address."""
    return f"file:{folder / 'lake'}"


def build(folder: Path) -> None:
    """Publish the three nights, with their sheets of alerts."""
    settings = settings_of(folder)
    lake = Lake.open(uri_of(folder), settings)
    for night in NIGHTS:
        publish_night(lake, night, settings)
        write_alerts_sheet(uri_of(folder), lake, night)


def publish_night(lake: Lake, night: date, settings: Settings, attempt: int = 1) -> None:
    """Publish one night as the night's own steps do."""
    outputs = _outputs(night, settings)
    provenance = Provenance(f"made up {attempt}", None, 0, None, settings)
    stamp = RunStamp(provenance.run_key(night.isoformat()), "test", night)
    write_night(lake, stamp, outputs)
    row = manifest_row(stamp, outputs, provenance, datetime(1994, 1, 1, tzinfo=UTC), {"warnings": []})  # type: ignore[typeddict-item]
    lake.publish_manifest({**row, "attempt": attempt}, stamp)


def _outputs(night: date, settings: Settings) -> NightOutputs:
    published = as_published({name: _table(name, rows) for name, rows in _published(night).items()})
    postings = published["fin_transaction"]
    rows, cents = postings.num_rows, amount_cents(postings)
    return NightOutputs(
        published=published,
        sealed_quarantine=seal_quarantine(published["quarantine"], night, Envelope.open(settings)),
        statics={name: _table(name, rows) for name, rows in _statics().items()},
        state=[*_states(night)],
        counts=Counts(offered_rows=rows, published_rows=rows, offered_cents=cents, published_cents=cents),
    )


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = pa.schema([field for field in TABLES[name].schema if field.name != "run_key"])
    return pa.Table.from_pylist(rows, schema)


def _statics() -> dict[str, list[dict[str, Any]]]:
    opened = {"district_id": 1, "create_date": date(1993, 1, 1), "frequency": "M"}
    return {
        "fin_district": [{"district_id": 1, "district_name": "Praha"}],
        "fin_client": [{"client_id": n, "gender": "F", "district_id": 1} for n in (CLIENT, OTHER, PARTNER)],
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


def _published(night: date) -> dict[str, list[dict[str, Any]]]:
    accounts = (ACCOUNT, OTHERS_ACCOUNT, SHARED_ACCOUNT)
    day = {"settlement_date": night}
    findings = [
        {**day, "account_id": account, "trans_id": posting_of(night, account), "text": f"Account {account} pays oddly."}
        for account in accounts
    ]
    unnamed = [{**day, "text": f"Card {card}, valid from {night}, refers to nobody."} for card in (CARD, 1)]
    alerts = [{**row, "rank": n, "kind": "break"} for n, row in enumerate([*findings, *unnamed], start=1)]
    return {
        "fin_transaction": [_posting(night, account) for account in accounts],
        "anomaly_scores": [
            {**day, "account_id": account, "trans_id": posting_of(night, account), "score": 0.5, "is_flagged": False}
            for account in accounts
        ],
        "settlement_breaks": [{**row, "check_code": "unknown_reference"} for row in (*findings, *unnamed)],
        "alerts": alerts,
        "quarantine": [
            {"night": night, "relation": "fin_card", "line": n, "raw": f'"{card}";"{right}";"junior"', "reason_codes": []}
            for n, (card, right) in enumerate([(CARD, DISPOSITION), (1, 1)])
        ],
    }


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
    """The files of a lake that hold a canary, with it: Parquet is decoded, other files are searched byte for byte."""
    found = []
    for path in sorted((folder / "lake").rglob("*")):
        if path.is_file():
            content = _decoded(path)
            found += [f"{path.relative_to(folder)}: {canary.decode()}" for canary in canaries() if canary in content]
    return found


def _decoded(path: Path) -> bytes:
    if path.suffix != ".parquet":
        return path.read_bytes()
    return str(pq.read_table(path, partitioning=None).to_pylist()).encode()


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of the lake and of its keys, with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
