"""The account around a finding: its postings, its balance, what is usual for it, and what is odd."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from plugins.settlement_console.day_order import in_order
from plugins.settlement_console.posting_words import party_of, posting_kind, posting_name, signed_amount
from plugins.settlement_console.records import Records, Row

DAYS_BEFORE = 92
"""Days shown before the finding: the habit that it was judged by (the default of `ADS_LOOKBACK_DAYS`)."""
DAYS_AFTER = 31
"""Days shown after it: what a month brought, such as the posting that was missing."""
LEAST_TO_COMPARE = 5
"""Least number of days or postings from which on it is said what is usual; of fewer, nine in ten are all of them."""
_TAIL = 0.1
"""Share that lies below, and above, what is called usual: eight in ten lie within."""

_POSTING = (
    *("trans_id", "settlement_date", "amount", "balance", "trans_type", "operation", "category"),
    *("other_bank_id", "counterparty", "reverses"),
)


@dataclass(frozen=True)
class Mark:
    """What was found on a posting or a day: the finding's id, its code, and whether it is the page's own."""

    finding_id: str | None
    code: str
    is_own: bool


@dataclass(frozen=True)
class Posting:
    """One posting of the account.

    Attributes
    ----------
    row
        Its row of `fin_transaction`.
    name, kind
        What it is in words, and its kind as the features have it.
    signed
        Amount, positive where it came in.
    marks
        What was found on it.
    """

    row: Row
    name: str
    kind: str
    signed: Decimal
    marks: tuple[Mark, ...]

    @property
    def party(self) -> str | None:
        """Its counterparty; None where it names none."""
        party = party_of(self.row)
        return None if party is None else party[0]

    @property
    def is_own(self) -> bool:
        """Whether the page's finding is about it."""
        return any(mark.is_own for mark in self.marks)


@dataclass(frozen=True)
class Usual:
    """What is usual: eight in ten lie between `low` and `high`, of `number` days or postings before the finding."""

    low: Decimal
    middle: Decimal
    high: Decimal
    number: int


@dataclass(frozen=True)
class BalanceDay:
    """The balance after a day's last posting, and what was found on the day."""

    day: date
    balance: Decimal
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Surroundings:
    """The account between two days.

    Attributes
    ----------
    first, last
        The days, both included.
    postings
        The account's postings, oldest first, those of a day as their balances chain.
    own
        The posting that the finding is about; None where it names none, or where it is not among them.
    balances
        Balance by day; empty where the bank records none.
    usual_balance
        What is usual of the balances before the finding; None with too few days.
    usual_amount
        What is usual of the amounts of the finding's kind of posting; None with too few postings, or without one.
    """

    first: date
    last: date
    postings: tuple[Posting, ...]
    own: Posting | None
    balances: tuple[BalanceDay, ...]
    usual_balance: Usual | None
    usual_amount: Usual | None


def surroundings(
    records: Records, finding: Row, span: tuple[date, date], days: Sequence[Row], others: Sequence[Row]
) -> Surroundings:
    """The account around a finding that names one.

    Parameters
    ----------
    records
        The lake's records in the visitor's view.
    finding
        Row of `mart_findings`.
    span
        Oldest and newest published night.
    days
        The account's rows of `mart_account_days`, oldest first.
    others
        All findings of the account around it, rows of `mart_findings`.
    """
    night, account = finding["settlement_date"], finding["account_id"]
    first, last = max(span[0], night - timedelta(DAYS_BEFORE)), min(span[1], night + timedelta(DAYS_AFTER))
    marks = _marks(finding, others)
    found = records.rows("fin_transaction", first, last, _POSTING, account_id=account)
    postings = tuple(_posting(row, marks) for row in in_order(found))
    balances = _balances((day for day in days if first <= day["settlement_date"] <= last), marks)
    own = next((p for p in postings if p.row["trans_id"] == finding["trans_id"] is not None), None)
    alike = [p for p in postings if own and p.kind == own.kind and p.row["settlement_date"] < night]
    return Surroundings(
        first=first,
        last=last,
        postings=postings,
        own=own,
        balances=balances,
        usual_balance=usual(day.balance for day in balances if day.day < night),
        usual_amount=usual(posting.row["amount"] for posting in alike),
    )


def usual(values: Iterable[Decimal]) -> Usual | None:
    """What eight in ten of some values lie between; None of fewer than `LEAST_TO_COMPARE`.

    >>> usual(map(Decimal, range(1, 11)))
    Usual(low=Decimal('1'), middle=Decimal('5'), high=Decimal('9'), number=10)
    """
    ordered = sorted(values)
    if len(ordered) < LEAST_TO_COMPARE:
        return None
    low, middle, high = (_nearest_rank(ordered, share) for share in (_TAIL, 0.5, 1 - _TAIL))
    return Usual(low, middle, high, len(ordered))


def _nearest_rank(ordered: Sequence[Decimal], share: float) -> Decimal:
    """The smallest value that a share of the values does not exceed."""
    return next(value for place, value in enumerate(ordered, 1) if place >= round(share * len(ordered), 6))


def _marks(finding: Row, others: Iterable[Row]) -> Mapping[Any, tuple[Mark, ...]]:
    """What was found, by posting number, and by day where a finding names no posting."""
    found: dict[Any, list[Mark]] = {}
    for row in others:
        about = row["settlement_date"] if row["trans_id"] is None else row["trans_id"]
        mark = Mark(row["finding_id"], row["code"], row["finding_id"] == finding["finding_id"])
        found.setdefault(about, []).append(mark)
    return {about: tuple(marks) for about, marks in found.items()}


def _posting(row: Row, marks: Mapping[Any, tuple[Mark, ...]]) -> Posting:
    return Posting(row, posting_name(row), posting_kind(row), signed_amount(row), marks.get(row["trans_id"], ()))


def _balances(rows: Iterable[Row], marks: Mapping[Any, tuple[Mark, ...]]) -> tuple[BalanceDay, ...]:
    return tuple(
        BalanceDay(row["settlement_date"], row["closing_balance"], marks.get(row["settlement_date"], ()))
        for row in rows
        if row["closing_balance"] is not None
    )
