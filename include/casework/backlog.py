"""The cases that wait: how old they are, what is at stake in them, and who holds which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from include.cases.terms import CaseState
from include.cases.views import BacklogSum

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


def by_age(backlog: Sequence[BacklogSum], age: Callable[[date], int]) -> list[AgeGroup]:
    """The backlog in groups of `AGES`, the youngest first.

    Parameters
    ----------
    backlog
        Sums over the cases that are not closed.
    age
        Banking days since a settlement date.
    """
    aged = [(age(part.oldest), part) for part in backlog]
    return [
        _group(least, most, [part for days, part in aged if least <= days and (most is None or days <= most)])
        for least, most in AGES
    ]


def _group(least: int, most: int | None, backlog: Sequence[BacklogSum]) -> AgeGroup:
    return AgeGroup(least, most, cases_in(backlog), money_in(backlog), waiting_in(backlog))


def cases_in(backlog: Sequence[BacklogSum]) -> int:
    """The number of cases in a backlog."""
    return sum(part.cases for part in backlog)


def waiting_in(backlog: Sequence[BacklogSum]) -> int:
    """The number of cases in a backlog that wait for a day."""
    return sum(part.cases for part in backlog if part.state is CaseState.WAITING)


def money_in(backlog: Sequence[BacklogSum]) -> Decimal:
    """The money at stake in the cases of a backlog."""
    return sum((part.money for part in backlog), start=Decimal(0))


def held_by(backlog: Sequence[BacklogSum]) -> list[Holder]:
    """Who holds how many cases, the busiest first."""
    held: dict[str, list[BacklogSum]] = {}
    for part in backlog:
        if part.holder:
            held.setdefault(part.holder, []).append(part)
    found = [Holder(who, cases_in(own), money_in(own), _first_lapse(own)) for who, own in held.items()]
    return sorted(found, key=lambda holder: (-holder.cases, holder.who))


def _first_lapse(backlog: Sequence[BacklogSum]) -> datetime | None:
    return min((part.first_lapse for part in backlog if part.first_lapse), default=None)
