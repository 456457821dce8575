"""Determines the days on which a bank books, and the last due date whose days of grace are over.

Three days of grace are counted in banking days where a calendar is declared, or where the bank's own past shows that
it books on banking days only; elsewhere every day counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from include.errors import SettingsError

# The contract: a missed payment is reported within three days of its due day, so until then it may still come
# (a due day on a Saturday is often booked on the Monday).
GRACE_DAYS = 3
# Half a year is enough to distinguish a weekday without bookings from chance, and to forget an old habit.
WINDOW_DAYS = 182
# Eight weeks: an order can first be missed after two payments, which takes about as long.
LEAST_DAYS = 56
# By chance, a weekday with as many bookings as the others stays empty in one small bank of ten thousand.
LEAST_CHANCE = 1e-4
# Share of a usual day's postings; days with fewer have only strays (a correction on a Sunday) and are not banking days.
STRAY_SHARE = 0.05
# Largest share of a weekday's dates with bookings at a bank that is closed then: two working Saturdays in half a year.
CLOSED_SHARE = 0.1
# Least share of the other weekdays' dates with bookings; with fewer, three banking days take more than a week. A
# generated bank of 20 accounts books on 83 % of its banking days, one of 60 on 93 %, one of 150 on all.
OPEN_SHARE = 0.5
# Least number of weekdays with bookings; for a bank that books once a week three banking days would be three weeks.
LEAST_WEEKDAYS = 4
# The longest closures have ten days (Japan's golden week of 2019). After a longer silence all weekdays count again.
LONGEST_CLOSURE_DAYS = 14
# Nights to look back on; after any of them three banking days have passed, even with the longest closure.
_REACH_DAYS = 45
COUNTS_KEPT_DAYS = 400
"""Days whose counts of postings are kept: a year, its window's reach, and the same date of the year before."""

_ONE_DAY = timedelta(days=1)

Counts = npt.NDArray[np.int64]


class Workdays(Protocol):
    """A declared calendar."""

    def is_working_day(self, key: date) -> bool:
        """Whether banks work on a day."""


@dataclass(frozen=True)
class BankingDays:
    """The knowledge about the days on which a bank books.

    Attributes
    ----------
    first_date
        The source's first settlement date; None before any posting.
    counts
        Number of postings by day, for the days that have any, over at least the last `COUNTS_KEPT_DAYS`.
    declared
        Declared calendar; where there is none, the bank's own past counts.
    """

    first_date: date | None
    counts: Mapping[date, int]
    declared: Workdays | None = None
    _passed: dict[date, date] = field(default_factory=dict, repr=False, compare=False)
    _alone: dict[date, date] = field(default_factory=dict, repr=False, compare=False)
    _habits: dict[date, Habit | None] = field(default_factory=dict, repr=False, compare=False)

    def passed(self, night: date) -> date:
        """The last due date whose days of grace are over at the end of a night; never earlier than the night before.

        Days after the night are ignored, so that nights played one by one and a history read in one pass agree.
        """
        if night not in self._passed:
            self._passed[night] = self._passed_by(night)
        return self._passed[night]

    def unit(self, night: date) -> str:
        """The unit of the grace in words: "days" or "banking days"."""
        return "days" if self.declared is None and self._habit(night) is None else "banking days"

    def is_open(self, day: date, night: date | None = None) -> bool:
        """Whether the bank is expected to book on a day, judging by the days before `night` (or before the day itself).

        Holidays are not known where no calendar is declared.
        """
        if self.declared is not None:
            return self.declared.is_working_day(day)
        habit = self._habit(_earlier(night or day, 1))
        return habit is None or day.weekday() in habit.open_weekdays

    def _passed_by(self, night: date) -> date:
        if self.declared is not None:
            return _earlier(_third_last(night, self.declared.is_working_day), 1)
        return max(self._counted_back(_earlier(night, n)) for n in range(_REACH_DAYS))

    def _counted_back(self, night: date) -> date:
        """The last due date whose grace is over, as computed from this night alone."""
        if night not in self._alone:
            habit = self._habit(night)
            third = None if habit is None else _third_last(night, habit.is_banking_day)
            self._alone[night] = _earlier(night, GRACE_DAYS) if third is None else _earlier(third, 1)
        return self._alone[night]

    def _habit(self, night: date) -> Habit | None:
        """The bank's habit; None where it books on other days too, or where too little is known of it."""
        if night not in self._habits:
            self._habits[night] = self._learned(night)
        return self._habits[night]

    def _learned(self, night: date) -> Habit | None:
        if self.first_date is None or night < self.first_date + timedelta(days=LEAST_DAYS - 1):
            return None
        days = min(WINDOW_DAYS, (night - self.first_date).days + 1)
        first = night - timedelta(days=days - 1)
        return Habit.of(first, self._days.between(first, days))

    @cached_property
    def _days(self) -> _Days:
        return _Days.of(self.counts)


@dataclass(frozen=True)
class _Days:
    """Counts of successive days, for windows that are read night after night."""

    first: date
    counts: Counts

    @classmethod
    def of(cls, counts: Mapping[date, int]) -> _Days:
        first, last = min(counts, default=date.min), max(counts, default=date.min)
        dense = np.zeros((last - first).days + 1, dtype=np.int64)
        for day, count in counts.items():
            dense[(day - first).days] = count
        return cls(first, dense)

    def between(self, first: date, days: int) -> Counts:
        """The counts of `days` days from `first` on; 0 for days beyond the known ones."""
        found = np.zeros(days, dtype=np.int64)
        offset = (first - self.first).days
        known = self.counts[max(offset, 0) : max(offset + days, 0)]
        start = max(-offset, 0)
        found[start : start + len(known)] = known
        return found


@dataclass(frozen=True)
class Habit:
    """The habit of a bank that books on banking days only, as the days up to a night show it.

    Attributes
    ----------
    last
        The night.
    booked
        Days on which the bank booked.
    open_weekdays
        Weekdays on which it books (Monday is 0).
    """

    last: date
    booked: frozenset[date]
    open_weekdays: frozenset[int]

    @classmethod
    def of(cls, first: date, counts: Counts) -> Habit | None:
        """The habit that the postings of successive days show; None where there is none."""
        if not counts.any():
            return None
        is_booked = counts > STRAY_SHARE * np.median(counts[counts > 0])
        weekdays = (first.weekday() + np.arange(len(counts))) % 7
        days, booked = np.bincount(weekdays, minlength=7), np.bincount(weekdays, is_booked, minlength=7)
        is_closed = booked <= CLOSED_SHARE * days
        if not is_closed.any() or np.sum(~is_closed) < LEAST_WEEKDAYS:
            return None
        share = booked[~is_closed].sum() / days[~is_closed].sum()
        chance = binom.cdf(booked[is_closed], days[is_closed], share).max()
        if share < OPEN_SHARE or chance > LEAST_CHANCE:
            return None
        return cls(
            first + timedelta(days=len(counts) - 1),
            frozenset(first + timedelta(days=int(n)) for n in np.flatnonzero(is_booked)),
            frozenset(map(int, np.flatnonzero(~is_closed))),
        )

    def is_banking_day(self, day: date) -> bool:
        """Whether the bank booked on a day, or would have, had it not been silent for longer than banks close."""
        return day in self.booked or (
            self._is_silent and day > max(self.booked) and day.weekday() in self.open_weekdays
        )

    @property
    def _is_silent(self) -> bool:
        return (self.last - max(self.booked)).days > LONGEST_CLOSURE_DAYS


def calendar_of(code: str | None) -> Workdays | None:
    """The calendar of bank holidays that a source's address declares; None where it declares none.

    Parameters
    ----------
    code
        Code of a country (`CZ`), of a part of one (`DE-BY`), or of a market (`ECB`).

    Raises
    ------
    SettingsError
        When there is no such calendar.
    """
    if code is None:
        return None
    import holidays

    country, _, part = code.upper().partition("-")
    for find in (holidays.country_holidays, holidays.financial_holidays):
        try:
            plain = find(country, subdiv=part or None)
        except NotImplementedError:
            continue
        # Some countries list days on which only banks are closed, such as Good Friday in Austria.
        wanted = tuple(kind for kind in (holidays.PUBLIC, holidays.BANK) if kind in plain.supported_categories)
        found: Workdays = find(country, subdiv=part or None, categories=wanted)
        return found
    raise SettingsError(
        f"holidays={code} is a calendar nobody knows: write the code of a country, with a part of it where holidays "
        "differ, such as ?holidays=CZ or ?holidays=DE-BY",
        setting="holidays",
    )


def kept_counts(counts: Mapping[date, int], night: date) -> dict[date, int]:
    """The counts that are kept after a night: those of `COUNTS_KEPT_DAYS`, and in any case the newest."""
    newest = max(counts, default=night)
    since = min(newest, _earlier(night, COUNTS_KEPT_DAYS - 1))
    return {day: counts[day] for day in sorted(counts) if day >= since}


def _third_last(night: date, is_banking_day: Callable[[date], bool]) -> date:
    """The third banking day back from a night, counting the night itself."""
    day, left = night, GRACE_DAYS
    while day > date.min:
        left -= is_banking_day(day)
        if not left:
            break
        day -= _ONE_DAY
    return day


def _earlier(night: date, days: int) -> date:
    """The date `days` days before a night, or the calendar's first date."""
    return date.fromordinal(max(night.toordinal() - days, 1))
