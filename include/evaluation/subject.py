"""The account that an episode is planted into: its holders' past postings, and new ones that follow their habit."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from include.evaluation.ledger import PostingRow, balance_on, signed_cents
from include.features import HABIT_DAYS
from include.lake.tables import REVERSES
from include.relations import BANK_BOOKED

_CENT = Decimal("0.01")
# A posting that imitates another one lies within this many minutes of the other's time of day.
_JITTER_MINUTES = 25


@dataclass(frozen=True)
class Surroundings:
    """The parts of the bank around the account that an episode may use.

    Attributes
    ----------
    rounding_cents
        Rounding of the source's balances, in cents.
    regions
        Region of every district.
    cards, loans
        First day on which an account has a card or a loan, by account.
    numbers
        Unused trans_ids.
    """

    rounding_cents: int
    regions: Mapping[int, str]
    cards: Mapping[int, date]
    loans: Mapping[int, date]
    numbers: Iterator[int]


@dataclass
class Subject:
    """One account on one day.

    Attributes
    ----------
    account_id
        The account.
    rows
        All its postings, including those after the day.
    day
        Day on which the episode begins.
    last
        Last day that the episode may reach.
    rng
        Random generator of the episode.
    bank
        The bank around the account.
    own
        Postings that its holders decided: no interest, no fees, no reversals and no reversed postings.
    """

    account_id: int
    rows: Sequence[PostingRow]
    day: date
    last: date
    rng: np.random.Generator
    bank: Surroundings
    own: list[PostingRow] = field(init=False)
    habit: list[PostingRow] = field(init=False)

    def __post_init__(self) -> None:
        since = self.day - timedelta(days=HABIT_DAYS)
        self.own = _decided(self.rows)
        self.habit = [row for row in self.own if since <= row["trans_date"] < self.day]

    @property
    def payments(self) -> list[PostingRow]:
        """The holders' payments and withdrawals within the habit before the day."""
        return [row for row in self.habit if row["trans_type"] != "C"]

    @property
    def decided(self) -> list[PostingRow]:
        """The holders' real postings from the day on, incoming money included."""
        return [row for row in self.own if self.day <= row["trans_date"] <= self.last]

    @property
    def due(self) -> list[PostingRow]:
        """The holders' real payments from the day on."""
        return [row for row in self.decided if row["trans_type"] != "C"]

    def balance(self) -> int | None:
        """The balance in cents at the end of the day before; None where none is recorded."""
        return balance_on(self.rows, self.day - timedelta(days=1), self.bank.rounding_cents)

    def can_pay(self, cents: int) -> bool:
        """Whether the balance covers the amount; true where no balance is recorded."""
        balance = self.balance()
        return balance is None or balance >= cents

    def pick(self, rows: Sequence[PostingRow]) -> PostingRow:
        """A random one of the rows."""
        return rows[int(self.rng.integers(len(rows)))]

    def usual_payment(self) -> PostingRow:
        """A typical payment: the one of median amount among those of the account's most frequent kind."""
        kinds = [kind_of(row) for row in self.payments]
        commonest = max(sorted(set(kinds)), key=kinds.count)
        same = sorted((row for row in self.payments if kind_of(row) == commonest), key=lambda row: row["amount"])
        return same[len(same) // 2]

    def like(self, template: PostingRow, day: date, **values: Any) -> PostingRow:  # noqa: ANN401 - columns have their own types
        """A new posting that imitates an earlier one, at about its time of day."""
        made = {**template, "trans_id": next(self.bank.numbers), "trans_date": day, **values}
        if made["trans_time"] is not None and "trans_time" not in values:
            made["trans_time"] = shifted(made["trans_time"], self.rng.uniform(-_JITTER_MINUTES, _JITTER_MINUTES))
        return made


def _decided(rows: Sequence[PostingRow]) -> list[PostingRow]:
    """The rows that a client decided; reversals, which are the bank's, and the postings they take back are left out."""
    taken_back = {row.get(REVERSES.name) for row in rows} - {None}
    return [row for row in rows if _is_standing(row, taken_back) and row["category"] not in BANK_BOOKED]


def _is_standing(row: PostingRow, taken_back: Container[int | None]) -> bool:
    is_reversal = row["amount"] < 0 or row.get(REVERSES.name) is not None
    return not is_reversal and row["trans_id"] not in taken_back


def kind_of(row: PostingRow) -> tuple[bool, str, str]:
    """The kind of operation: whether money comes in, the operation and the category (empty where there is none)."""
    return row["trans_type"] == "C", row["operation"] or "", row["category"] or ""


def scaled(amount: Decimal, factor: float) -> Decimal:
    """The amount times a factor, in whole cents and at least one."""
    return max((amount * Decimal(repr(round(factor, 6)))).quantize(_CENT), _CENT)


def paid_cents(rows: Sequence[PostingRow]) -> int:
    """The sum that the rows pay out, in cents."""
    return -sum(signed_cents(row) for row in rows)


def shifted(at: time, minutes: float) -> time:
    """The time of day `minutes` later; it wraps at midnight."""
    second = int(at.hour * 3600 + at.minute * 60 + at.second + minutes * 60) % 86_400
    return time(second // 3600, second // 60 % 60, second % 60)
