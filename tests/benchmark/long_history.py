"""A lake with years of published nights, written directly: as a maintained lake has them, one commit a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from include.lake import TABLES, Lake, RunStamp, Table
from include.lake.commit import Change, guarded_commit
from include.lake.data_files import write_data_file
from include.lake.rows import keyed_rows
from include.lake.tables import RUN_KEY, VERSION_COLUMN
from include.marts import MASKED_MARTS
from include.marts.tables import MART_TABLES
from include.masking.tables import MASKED_TABLES
from include.reviews.intake import KNOWN_DAYS
from include.settings import Settings

NIGHTS = 1_000
QUIET_FINDINGS, QUIET_POSTINGS = 1, 20
"""Of a night before the newest `KNOWN_DAYS`, whose findings no page shows one by one."""
POSTINGS = 500
"""Of each of the newest nights, or as many as it has findings: the full bank's day, a million in six years."""
ACCOUNTS_PER_FINDING = 100
"""Accounts of the bank for each finding of a night, as at a budget of 2 % and one posting in two days."""
_FULL_BANK = 4_500
_KEY = "b" * 32
_CHECKS = ("balance_chain", "duplicate_posting", "order_unpaid", "fee_amount")
_REASONS = ("amount", "frequency", "timing", "counterparty")
_DISTRICTS = 77
_TEXT = "Paid out 177,902.05 within thirty days; the most this account paid within thirty days lately was 65,217.70."
Columns = dict[str, Any]


def write_history(lake_uri: str, settings: Settings, last: date, findings: int, nights: int = NIGHTS) -> date:
    """Write the nights up to `last`, the newest `KNOWN_DAYS` of them with so many findings; gives the newest night."""
    lake, rng = Lake.open(lake_uri, settings), np.random.default_rng(20)
    files: dict[str, list[Any]] = {}
    tables = {}
    for number in reversed(range(nights)):
        night = last - timedelta(days=number)
        for table, rows in _night(night, _Size.of(number, findings), rng):
            if table.name not in tables:
                tables[table.name], files[table.name] = lake.catalog.ensure(table), []
            keyed = keyed_rows(table, rows, _KEY)
            files[table.name].append(write_data_file(tables[table.name], keyed, f"{table.night_column}={night}"))
    stamp = RunStamp(_KEY, "bench", last)
    for name, added in files.items():
        guarded_commit(lake.catalog, name, lambda _, added=added: Change(add=added), stamp)
    lake.show_version(1, stamp)
    return last


@dataclass(frozen=True)
class _Size:
    """How much a night holds, of a bank of so many accounts; a quiet one has no rows for each posting."""

    findings: int
    postings: int
    accounts: int
    is_quiet: bool

    @classmethod
    def of(cls, nights_ago: int, findings: int) -> _Size:
        accounts = max(_FULL_BANK, findings * ACCOUNTS_PER_FINDING)
        if nights_ago >= KNOWN_DAYS:
            return cls(min(findings, QUIET_FINDINGS), QUIET_POSTINGS, accounts, is_quiet=True)
        return cls(findings, max(POSTINGS, findings), accounts, is_quiet=False)


def _night(night: date, size: _Size, rng: np.random.Generator) -> Iterator[tuple[Table, pa.Table]]:
    """Every table's rows of a night, full and masked; the first postings are those that findings are about."""
    accounts = rng.integers(1, size.accounts, size.postings)
    postings = {
        "settlement_date": [night] * size.postings,
        "account_id": accounts,
        "trans_id": night.toordinal() * 100_000 + np.arange(size.postings),
        "amount": np.round(rng.lognormal(8, 1, size.postings), 2),
    }
    found = _findings(postings, size.findings, night)
    yield from _both("mart_findings", found)
    if not size.is_quiet:
        yield from _both("anomaly_scores", _scores(found))
        yield from _both("settlement_breaks", _breaks(found))
        booked = {**postings, "trans_date": postings["settlement_date"], **_booked(size, rng)}
        yield from _both("fin_transaction", booked)
        yield from _both("transaction_features", {**postings, **_features(size, rng)})
    yield from _both("mart_account_days", _account_days(postings))
    yield from _both("mart_district_months", _district_months(night, rng))
    for name, row in _totals(night, size).items():
        yield from _both(name, {column: [value] for column, value in row.items()})
    yield TABLES["night_manifest"], _typed(TABLES["night_manifest"], _manifest(night, size))


def _both(name: str, columns: Columns) -> Iterator[tuple[Table, pa.Table]]:
    """The full table and the masked one, in which identifiers are pseudonyms."""
    full, masked = (MART_TABLES, MASKED_MARTS) if name in MART_TABLES else (TABLES, MASKED_TABLES)
    size = len(next(iter(columns.values())))
    if not size:
        return
    yield full[name], _typed(full[name], columns)
    hidden = {
        kind: [f"{value:032x}" for value in columns[kind]] for kind in ("account_id", "trans_id") if kind in columns
    }
    shown = {**columns, **hidden, VERSION_COLUMN: np.ones(size, np.int32)}
    yield masked[name], _typed(masked[name], shown)


def _typed(table: Table, columns: Columns) -> pa.Table:
    """The columns in the table's types; what is not given is null."""
    size = len(next(iter(columns.values())))
    fields = [field for field in table.schema if field.name != RUN_KEY.name]
    arrays = [
        _array(columns[field.name], field.type) if field.name in columns else pa.nulls(size, field.type)
        for field in fields
    ]
    return pa.table(arrays, schema=pa.schema(fields))


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    # Arrow makes no money of floats at once, and casts no numbers of Python's into times and structures.
    is_cast = pa.types.is_decimal(kind) or isinstance(values, np.ndarray)
    return pa.array(values).cast(kind, safe=False) if is_cast else pa.array(values, kind)


def _findings(postings: Columns, count: int, night: date) -> Columns:
    """The night's queue: by turns a break and a flagged posting."""
    numbers = np.arange(count)
    is_break = numbers % 2 == 0
    codes = [(_CHECKS if each else _REASONS)[n // 2 % 4] for n, each in zip(numbers, is_break, strict=True)]
    return {
        **{name: values[:count] for name, values in postings.items()},
        "finding_id": [f"{night.toordinal():08x}{n:024x}" for n in numbers],
        "rank": numbers + 1,
        "kind": np.where(is_break, "break", "score"),
        "code": codes,
        "severity": ["error"] * count,
        "shown_district": [f"District {n % _DISTRICTS}" for n in numbers],
        "score": [None if each else 0.5 + n % 500 / 1000 for n, each in zip(numbers, is_break, strict=True)],
        "text": [_TEXT] * count,
        "masked_text": [_TEXT] * count,
        "review_state": ["open"] * count,
    }


def _scores(found: Columns) -> Columns:
    rows = _of_kind(found, "score")
    reasons = [{"code": code, "feature": code, "text": f"Unusual {code}.", "contribution": 0.1} for code in _REASONS]
    size = len(rows["kind"])
    told = {"reasons": [reasons] * size, "masked_reasons": [reasons] * size}
    return {**rows, **told, "typical_score": [score - 0.4 for score in rows["score"]], "is_flagged": [True] * size}


def _breaks(found: Columns) -> Columns:
    rows = _of_kind(found, "break")
    amounts = np.asarray(rows["amount"], float)
    return {
        **rows,
        "check_code": rows["code"],
        "expected": amounts,
        "actual": amounts - 10,
        "difference": amounts * 0 - 10,
    }


def _of_kind(found: Columns, kind: str) -> Columns:
    places = [n for n, each in enumerate(found["kind"]) if each == kind]
    return {name: [values[n] for n in places] for name, values in found.items()}


def _booked(size: _Size, rng: np.random.Generator) -> Columns:
    count = size.postings
    return {
        "balance": np.round(rng.lognormal(10, 1, count), 2),
        "trans_type": ["D"] * count,
        "operation": ["WIC"] * count,
        "trans_time": [time(9)] * count,
        "source_uri": ["file:/bank/trans.asc"] * count,
        "source_line": np.arange(count),
    }


def _features(size: _Size, rng: np.random.Generator) -> Columns:
    wanted = MART_TABLES["transaction_features"].schema
    numbers = [field.name for field in wanted if pa.types.is_floating(field.type)]
    return {
        **{name: rng.lognormal(0, 1, size.postings) for name in numbers},
        "shown_district": [f"District {n % _DISTRICTS}" for n in range(size.postings)],
    }


def _account_days(postings: Columns) -> Columns:
    accounts, first = np.unique(postings["account_id"], return_index=True)
    amounts = postings["amount"][first]
    size = len(accounts)
    return {
        "settlement_date": postings["settlement_date"][:size],
        "account_id": accounts,
        "postings": np.ones(size, np.int64),
        "credits": amounts,
        "debits": amounts * 0,
        "net": amounts,
        "closing_balance": amounts * 3,
        "flagged": np.zeros(size, np.int64),
        "breaks": np.zeros(size, np.int64),
        "money_at_risk": amounts * 0,
    }


def _district_months(night: date, rng: np.random.Generator) -> Columns:
    numbers = np.arange(_DISTRICTS)
    amounts = np.round(rng.lognormal(12, 1, _DISTRICTS), 2)
    counts = dict.fromkeys(("clients", "accounts", "postings", "flagged", "breaks"), numbers + 1)
    return {
        "settlement_date": [night] * _DISTRICTS,
        "month": [night.replace(day=1)] * _DISTRICTS,
        "district_id": numbers,
        "shown_district": [f"District {n}" for n in numbers],
        "shown_region": [f"Region {n % 8}" for n in numbers],
        "shown_latitude": 49 + numbers / 60,
        "shown_longitude": 13 + numbers / 15,
        **counts,
        **dict.fromkeys(("credits", "debits", "money_at_risk"), amounts),
        "findings_per_thousand": numbers / 10,
    }


def _totals(night: date, size: _Size) -> dict[str, Columns]:
    counts = {"offered_rows": size.postings, "published_rows": size.postings - 1, "quarantined_rows": 1}
    counts |= {"deduplicated_rows": 0, "unreadable_rows": 0}
    money = {"offered_money": 5000.0, "published_money": 4990.0, "quarantined_money": 10.0}
    found = {
        "error_breaks": size.findings // 2,
        "warn_breaks": 0,
        "flagged": size.findings // 2,
        "scored": size.postings,
    }
    version = {"settlement_date": night, "model_version": "ensemble-1"}
    shares = {"flagged_share": 0.02, "threshold": 0.5, "score_p50": 0.1, "score_p90": 0.3, "score_p99": 0.5}
    return {
        "mart_nights": {**version, **counts, **money, **found, "findings": size.findings, "seconds": 12.5},
        "mart_model_performance": {**version, "scored": size.postings, "flagged": size.findings // 2, **shares},
        "mart_money_days": {"settlement_date": night, **counts, **money, "is_reconciled": True},
    }


def _manifest(night: date, size: _Size) -> Columns:
    finished = datetime(night.year, night.month, night.day, 2, tzinfo=UTC) + timedelta(days=1)
    summary: Mapping[str, Any] = {"breaks": {_CHECKS[0]: size.findings // 2}, "flagged": size.findings // 2}
    counts = dict.fromkeys(("deduplicated_rows", "unreadable_rows", "quarantined_cents", "deduplicated_cents"), 0)
    return {
        "settlement_date": [night],
        "attempt": [1],
        "model_version": ["ensemble-1"],
        "offered_rows": [size.postings],
        "published_rows": [size.postings - 1],
        "quarantined_rows": [1],
        **{name: [count] for name, count in counts.items()},
        "started_at": [finished],
        "finished_at": [finished],
        "summary": [json.dumps(summary)],
    }
