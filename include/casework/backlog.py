"""The cases that wait: how old they are, what is at stake in them, and who holds which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from include.cases.terms import CaseState
from include.cases.views import QueueRow

AGES: tuple[tuple[int, int | None], ...] = ((0, 1), (2, 5), (6, 10), (11, 20), (21, None))
"""Ages in banking days by which the backlog is grouped: a day, a week, two weeks, a month, and more."""


@dataclass(frozen=True)
class AgeGroup:
    """Open cases of about one age.

    Attributes
    ----------
    least, most
        Banking days since the oldest undecided finding of a case; `most` is None without a bound.
    cases, money
        Number of cases, and money at stake in them.
    waiting
        Number of them that wait for a day.
    """

    least: int
    most: int | None
    cases: int
    money: Decimal
    waiting: int

    @property
    def name(self) -> str:
        """The ages in words."""
        return f"{self.least} days and more" if self.most is None else f"{self.least} to {self.most} days"


@dataclass(frozen=True)
class Holder:
    """Somebody who holds cases, with the moment at which the first of these claims lapses."""

    who: str
    cases: int
    money: Decimal
    first_lapse: datetime | None


def by_age(rows: Sequence[QueueRow], age: Callable[[date], int]) -> list[AgeGroup]:
    """The backlog in groups of `AGES`, the youngest first.

    Parameters
    ----------
    rows
        Cases that are not closed.
    age
        Banking days since a settlement date.
    """
    aged = [(age(row.oldest), row) for row in rows]
    return [
        _group(least, most, [row for days, row in aged if least <= days and (most is None or days <= most)])
        for least, most in AGES
    ]


def _group(least: int, most: int | None, rows: Sequence[QueueRow]) -> AgeGroup:
    waiting = sum(row.state == CaseState.WAITING for row in rows)
    return AgeGroup(least, most, len(rows), money_of(rows), waiting)


def money_of(rows: Sequence[QueueRow]) -> Decimal:
    """The money at stake in cases."""
    return sum((row.money for row in rows), start=Decimal(0))


def held_by(rows: Sequence[QueueRow]) -> list[Holder]:
    """Who holds how many cases, the busiest first."""
    held: dict[str, list[QueueRow]] = {}
    for row in rows:
        if row.holder:
            held.setdefault(row.holder, []).append(row)
    found = [Holder(who, len(own), money_of(own), _first_lapse(own)) for who, own in held.items()]
    return sorted(found, key=lambda holder: (-holder.cases, holder.who))


def _first_lapse(rows: Sequence[QueueRow]) -> datetime | None:
    return min((row.held_until for row in rows if row.held_until), default=None)
