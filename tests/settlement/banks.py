"""Banks to settle: the real one read from its files, and small ones whose postings a test writes down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.relations import FIN_TRANSACTION, RELATIONS, STATIC_RELATIONS
from include.settlement import NightFindings, SettlementState, check_night, state_from_history
from include.sources import open_source

LOOKBACK_DAYS = 92


@dataclass(frozen=True)
class Bank:
    """Postings in any order, static relations, and what the source's address declares."""

    postings: pa.Table
    statics: dict[str, pa.Table] = field(default_factory=dict)
    rounding_cents: int = 1
    holidays: str | None = None

    def between(self, first: date, last: date) -> pa.Table:
        """Postings of the dates from `first` to `last`."""
        dates = self.postings["trans_date"]
        return self.postings.filter(pc.and_(pc.greater_equal(dates, first), pc.less_equal(dates, last)))

    def state(self, before: date) -> SettlementState:
        """The state built in one pass."""
        history = self.between(date.min, before - timedelta(1))
        return state_from_history(history, self.statics, before, self.rounding_cents, self.holidays)

    def night(self, night: date, state: SettlementState) -> NightFindings:
        """One night."""
        lookback = self.between(night - timedelta(LOOKBACK_DAYS), night - timedelta(1))
        declared = (self.rounding_cents, self.holidays)
        return check_night(night, self.between(night, night), lookback, self.statics, state, *declared)

    def nights(self, first: date, last: date, state: SettlementState | None = None) -> Iterator[NightFindings]:
        """Night after night, the state moved along."""
        state = state or self.state(first)
        for day in range((last - first).days + 1):
            findings = self.night(first + timedelta(day), state)
            state = findings.state
            yield findings

    def breaks(self, first: date, last: date, code: str | None = None) -> list[dict[str, Any]]:
        """Breaks of the nights from `first` to `last`."""
        rows = [row for findings in self.nights(first, last) for row in findings.breaks.to_pylist()]
        return [row for row in rows if code in (None, row["check_code"])]

    def with_rows(self, rows: list[dict[str, Any]]) -> Bank:
        """The same bank with other postings."""
        return replace(self, postings=pa.Table.from_pylist(rows, self.postings.schema))


def real_bank(folder: Path) -> Bank:
    """One of the two dialects of the real relations."""
    with open_source(str(folder)) as source:
        history = source.history(date.max).rows.select(FIN_TRANSACTION.schema.names)
        extracts = {name: source.static(name) for name in STATIC_RELATIONS}
        statics = {k: e.rows.select(RELATIONS[k].schema.names) for k, e in extracts.items() if e is not None}
        return Bank(history, statics, source.rounding_cents)


def relation(name: str, rows: Iterable[dict[str, Any]]) -> pa.Table:
    """A relation from rows that name only the columns that matter."""
    return pa.Table.from_pylist(list(rows), RELATIONS[name].schema)


def posting(
    trans_id: int, day: date, amount: str, balance: str | None, account_id: int = 1, **columns: Any
) -> dict[str, Any]:
    """A posting; a signed amount says whether it is a credit or a debit."""
    value = Decimal(amount)
    plain = {"trans_id": trans_id, "account_id": account_id, "trans_date": day, "amount": abs(value)}
    known = None if balance is None else Decimal(balance)
    return {**plain, "balance": known, "trans_type": "C" if value > 0 else "D", **columns}


def small_bank(postings: Iterable[dict[str, Any]], **statics: list[dict[str, Any]]) -> Bank:
    """A bank of the postings and static rows given; account 1 was opened on the first of January 1990."""
    account = {"account_id": 1, "district_id": 1, "create_date": date(1990, 1, 1), "frequency": "M"}
    tables = {"fin_account": [account], "fin_client": [], "fin_disposition": [], **statics}
    return Bank(relation("fin_transaction", postings), {name: relation(name, rows) for name, rows in tables.items()})


def chained(events: Iterable[tuple[date, str, dict[str, Any]]], opening: str = "0") -> list[dict[str, Any]]:
    """Postings of account 1 from dates and signed amounts, with balances that chain."""
    balance, rows = Decimal(opening), []
    for trans_id, (day, amount, columns) in enumerate(events, start=1):
        balance += Decimal(amount)
        rows.append(posting(trans_id, day, amount, str(balance), **columns))
    return rows
