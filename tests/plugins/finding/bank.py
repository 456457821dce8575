"""A made-up bank of three accounts, published night by night in full and masked: one account has findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.lake import Lake, RunStamp, Table
from include.lake.tables import RUN_KEY, TABLES
from include.marts import MART_TABLES
from include.masking.keys import NameKeys, NameKeyStore
from include.masking.tables import Masker
from include.night.masking import masked_twin
from include.settings import Settings
from tests.lake.nights import manifest_row

ACCOUNT, RELATIVE, STRANGER = 471100, 471200, 471300
"""The account with findings; one of the same client; one that has dealt with the same counterparty."""
CLIENT, PARTY, FLAGGED, COMPARED, FILE = 700700, 55667788, 900100, 800500, "file:/bank/trans.asc"
IDENTIFIERS = tuple(map(str, (ACCOUNT, RELATIVE, STRANGER, CLIENT, PARTY, FLAGGED, COMPARED, FILE)))
"""What no masked page may hold."""
NIGHT = date(1994, 1, 17)
DAYS = (*(date(1994, 1, day) for day in (3, 5, 7, 10, 12, 14)), NIGHT, date(1994, 1, 19))
SCORED, BROKEN, LATE, EARLIER = "score-1", "break-1", "late-1", "score-0"
REASON = (
    "Transferred 8,894.00 to another bank on 17 January, where a cash withdrawal was expected (30 %) and a transfer to "
    "another bank hardly (2.8 %); compare with the household payment of about 550 on 14 January (transaction {})."
)
EVIL = "<script>alert(1)</script>"
_OWNER: Mapping[str, Any] = {"gender": "F", "age_band": "50-59", "shown_district": "Benešov"}
_KEYS = NameKeys.fresh()


def publish_bank(folder: Path) -> Settings:
    """Publish the bank's nights in a new lake, and give its settings."""
    lake, used = Lake.open(str(folder), Settings()), masker()
    for night in DAYS:
        publish_night(lake, night, used)
    stamp = RunStamp("a" * 16, "first", NIGHT)
    for name, rows in _statics().items():
        table, full = TABLES[name], _rows(TABLES[name], rows)
        lake.replace_static(table, full, stamp)
        lake.replace_static(masked_twin(table), used.masked(table, full, masked_twin(table)), stamp, 1)
    settings = Settings(lake_uri=str(folder))
    NameKeyStore.open(settings.lake_uri, settings).put(_KEYS)
    return settings


def publish_night(lake: Lake, night: date, used: Masker, run: str = "a") -> None:
    """Publish one night, its masked rows as a masker makes them."""
    stamp = RunStamp(run * 16, "first", night)
    for table, rows in _nightly(night):
        full, twin = _rows(table, rows), masked_twin(table)
        lake.replace(table, night, full, stamp)
        lake.replace(twin, night, used.masked(table, full, twin), stamp, 1)
    lake.show_version(1, stamp)
    lake.publish_manifest(manifest_row(stamp), stamp)


def pseudonym(kind: str, identifier: int) -> str:
    """The name under which masked readers know something."""
    return _KEYS.namer(kind, 1).name(str(identifier))


def masker(amount_step: int = 0) -> Masker:
    """The bank's masks."""
    return Masker(_KEYS, 1, {}, {ACCOUNT: CLIENT}, amount_step)


def _rows(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    schema = pa.schema([field for field in table.schema if field.name != RUN_KEY.name])
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def _nightly(night: date) -> list[tuple[Table, list[dict[str, Any]]]]:
    found = [(TABLES["fin_transaction"], _postings(night)), (MART_TABLES["mart_account_days"], _account_days(night))]
    if findings := _findings(night):
        found.append((MART_TABLES["mart_findings"], findings))
    if night == NIGHT:
        alert = {**_at(NIGHT), "finding_id": SCORED, "source_uri": FILE, "source_line": 12}
        found += [(TABLES["anomaly_scores"], [_score()]), (TABLES["settlement_breaks"], [_break()])]
        found.append((TABLES["alerts"], [alert]))
    return found


def _at(night: date) -> dict[str, Any]:
    return {"settlement_date": night, "trans_date": night}


def _postings(night: date) -> list[dict[str, Any]]:
    """A household payment on each day; on the night a transfer instead, to somebody a stranger has dealt with."""
    place = DAYS.index(night)
    paid = {**_at(night), "account_id": ACCOUNT, "trans_id": COMPARED - 5 + place, "trans_type": "D", "category": "HH"}
    rows = [{**paid, "operation": "ROB", "amount": Decimal("555.00"), "balance": Decimal(30000 - 555 * place)}]
    transfer = {**_at(night), "trans_type": "D", "operation": "ROB", "amount": Decimal("8894.00")}
    to = {"counterparty": str(PARTY), "other_account_id": PARTY, "other_bank_id": EVIL}
    if night == NIGHT:
        rows[0] |= {**transfer, **to, "trans_id": FLAGGED, "category": None, "balance": Decimal("17000.00")}
    if night == DAYS[0]:
        rows.append({**transfer, **to, "account_id": STRANGER, "trans_id": 1})
    return rows


def _account_days(night: date) -> list[dict[str, Any]]:
    own, *_ = _postings(night)
    figures = {"debits": own["amount"], "credits": Decimal(0), "closing_balance": own["balance"], "postings": 1}
    found = {"flagged": int(night in (DAYS[3], NIGHT)), "breaks": int(night == NIGHT)}
    return [{**_at(night), "account_id": ACCOUNT, "client_id": CLIENT, **figures, **found}]


def _findings(night: date) -> list[dict[str, Any]]:
    shared = {**_at(night), **_OWNER, "severity": "error", "review_state": "open", "rank": 1}
    about = {**shared, "account_id": ACCOUNT, "client_id": CLIENT}
    score = {**about, "kind": "score", "code": "sequence", "model_version": "ensemble-1"}
    if night == DAYS[3]:
        dismissed = {"review_state": "dismissed", "reviewed_on": DAYS[4], "amount": Decimal("555.00"), "score": 0.5}
        return [
            {**score, **dismissed, "finding_id": EARLIER, "trans_id": COMPARED - 2, **_told(f"An earlier one. {EVIL}")}
        ]
    if night != NIGHT:
        return []
    flagged = {"finding_id": SCORED, "trans_id": FLAGGED, "amount": Decimal("8894.00"), "score": 0.6}
    broken = {"finding_id": BROKEN, "kind": "break", "code": "balance_chain", "trans_id": FLAGGED}
    told = _told("Account {} does not chain.", ACCOUNT)
    late = {"finding_id": LATE, "kind": "late", "code": "late_records", "severity": "warn"}
    return [
        {**score, **flagged, **_told(REASON, COMPARED)},
        {**about, **broken, "amount": Decimal("-900.00"), **told},
        {**shared, **late, **_told(f"1994-01-03 has 2 records more. {EVIL}")},
    ]


def _told(sentence: str, *identifiers: int) -> dict[str, str]:
    return {"text": sentence.format(*identifiers), "masked_text": sentence.format(*("…" for _ in identifiers))}


def _score() -> dict[str, Any]:
    figures = {"score": 0.60129, "typical_score": 0.2004, "threshold": 0.44, "is_flagged": True}
    return {
        **_at(NIGHT),
        "trans_id": FLAGGED,
        "account_id": ACCOUNT,
        "finding_id": SCORED,
        **figures,
        "reasons": [_reason("sequence", 0.30049, COMPARED), _reason("other", 0.1004)],
        "masked_reasons": [_reason("sequence", 0.30049, "…"), _reason("other", 0.1004)],
    }


def _reason(code: str, contribution: float, compared: int | str = "") -> dict[str, Any]:
    text = REASON.format(compared) if compared else "Everything else together adds 0.10."
    return {"code": code, "feature": code, "contribution": contribution, "text": text}


def _break() -> dict[str, Any]:
    correction = {"action": "set", "trans_id": FLAGGED, "field": "amount", "value": "8984.00"}
    money = {"expected": Decimal("17900.00"), "actual": Decimal("17000.00"), "difference": Decimal("-900.00")}
    about = {"account_id": ACCOUNT, "trans_id": FLAGGED, "check_code": "balance_chain", "severity": "error"}
    return {**_at(NIGHT), **about, **money, "finding_id": BROKEN, "correction": correction}


def _statics() -> dict[str, list[dict[str, Any]]]:
    rights = [(1, ACCOUNT, CLIENT), (2, RELATIVE, CLIENT), (3, STRANGER, CLIENT + 1)]
    dispositions = [
        {"disp_id": disp, "account_id": account, "client_id": client, "disp_type": "O"}
        for disp, account, client in rights
    ]
    order = {"order_id": 66001, "account_id": ACCOUNT, "amount": Decimal("555.00"), "category": "HH", "bank_to": "YZ"}
    loan = {"loan_id": 66002, "account_id": ACCOUNT, "amount": Decimal(96396), "duration": 12.0}
    return {
        "fin_account": [{"account_id": ACCOUNT, "create_date": date(1993, 1, 4), "frequency": "M"}],
        "fin_client": [{"client_id": CLIENT, "birth_date": date(1940, 5, 6), "gender": "F"}],
        "fin_disposition": dispositions,
        "fin_order": [{**order, "counterparty_to": "87144583"}],
        "fin_loan": [{**loan, "payments": Decimal(8033), "granted_date": date(1993, 7, 5), "status": "B"}],
        "fin_card": [
            {"card_id": 66003, "disp_id": 1, "card_type": "C", "issued_date": date(1993, 11, 7)},
            {"card_id": 66004, "disp_id": 1, "card_type": "G", "issued_date": date(1995, 3, 1)},
        ],
    }
