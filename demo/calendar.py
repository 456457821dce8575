"""The days of a generated bank: months of its span, things due monthly and things that happen now and then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from demo.random_streams import Bools, Floats, Ints

ENDLESS = 10**6
"""Number of occurrences that stands for a thing that is due every month without end."""


def day_number(day: date) -> int:
    """Days since 1970-01-01, the unit of every date inside the generator."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Span:
    """The dates a bank is generated for, both ends included.

    Attributes
    ----------
    first, last
        Day numbers.
    month_first, month_days, month_of_year
        Day number of the first, length and number (1..12) of every month the span touches.
    """

    first: int
    last: int
    month_first: Ints
    month_days: Ints
    month_of_year: Ints

    @classmethod
    def of(cls, first: date, last: date) -> Span:
        """The span from `first` to `last`."""
        months = np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + 2)
        starts = months.astype("datetime64[D]").astype(np.int64)
        of_year = months[:-1].astype(np.int64) % 12 + 1
        return cls(day_number(first), day_number(last), starts[:-1], np.diff(starts), of_year)

    @property
    def days(self) -> int:
        """The number of days in the span."""
        return self.last - self.first + 1

    @property
    def months(self) -> int:
        """The number of months that the span touches."""
        return len(self.month_first)

    @property
    def month_ends(self) -> Ints:
        """Last days of the months that end within the span."""
        ends: Ints = self.month_first + self.month_days - 1
        return ends[ends <= self.last]

    @property
    def years_in(self) -> Ints:
        """For each month, the number of turns of the year since the span's first month."""
        january: Bools = self.month_of_year == 1
        january[0] = False
        return np.cumsum(january).astype(np.int64)


@dataclass(frozen=True)
class Occurrences:
    """Occurrences of things, by position.

    Attributes
    ----------
    item
        Position of the thing.
    day
        Day number of the occurrence.
    month
        Position of its month in the span.
    """

    item: Ints
    day: Ints
    month: Ints

    def where(self, kept: Bools) -> Occurrences:
        """The occurrences that are kept."""
        return Occurrences(self.item[kept], self.day[kept], self.month[kept])


def monthly(span: Span, day_of_month: Ints, since: Ints, times: Ints | int = ENDLESS) -> Occurrences:
    """Things due on their day of every month (at most the 28th), from `since` on, `times` times at most."""
    due = span.month_first[None, :] + day_of_month[:, None] - 1
    open_months = (due >= np.maximum(since, span.first)[:, None]) & (due <= span.last)
    count = np.cumsum(open_months, axis=1)
    item, month = np.nonzero(open_months & (count <= np.broadcast_to(times, len(since))[:, None]))
    return Occurrences(item, due[item, month], month)


def at_month_ends(span: Span, since: Ints) -> Occurrences:
    """Things due on the last day of every month, from `since` on."""
    ends = span.month_ends
    item, month = np.nonzero(ends[None, :] >= since[:, None])
    return Occurrences(item, ends[month], month)


def now_and_then(span: Span, per_month: Floats, since: Ints, rng: np.random.Generator) -> Occurrences:
    """Things that happen at random days, `per_month[item, month]` times a month on average, from `since` on."""
    counts = rng.poisson(per_month)
    item, month = np.nonzero(counts)
    item, month = np.repeat(item, counts[item, month]), np.repeat(month, counts[item, month])
    day = span.month_first[month] + rng.integers(0, span.month_days[month])
    drawn = Occurrences(item, day, month)
    return drawn.where((day >= np.maximum(since, span.first)[item]) & (day <= span.last))
