"""Counts the banking days between two dates, as people count how long something has waited."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Self

from include.errors import MissingStateError
from include.lake import Lake
from include.settlement.banking_days import BankingDays, calendar_of
from include.sources.address import declared_in

MOST_DAYS = 999
"""Largest count: four years of banking days, beyond which a figure has no meaning for a case that waits."""
ENDED_DAYS = 31
"""Days without a night after which the bank's nights count as ended: a whole month, with its end."""
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class BankCalendar:
    """The days on which a bank books, judged by its declared calendar or by what it did up to a night.

    Attributes
    ----------
    known
        The declared calendar, or the days on which the bank booked.
    night
        Last day that the bank's habit is judged by.
    """

    known: BankingDays
    night: date
    _open: dict[date, bool] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, lake: Lake, night: date, holidays: str | None = None) -> Self:
        """The calendar of a lake's bank.

        Parameters
        ----------
        lake
            The lake.
        night
            Published night up to which the bank's habit is known.
        holidays
            Code of the calendar that the source's address declares; the bank's own past counts where there is none.
        """
        declared = calendar_of(holidays)
        if declared is not None:
            return cls(BankingDays(None, {}, declared), night)
        try:
            return cls(_booked(lake, night), night)
        except MissingStateError:  # of a lake from before this was kept: every day counts
            return cls(BankingDays(None, {}), night)

    @classmethod
    def newest(cls, lake: Lake, source_uri: str) -> Self | None:
        """The calendar of a lake's bank up to its newest night; None where no night is published.

        Parameters
        ----------
        source_uri
            Address of the bank's source, which may declare a calendar.
        """
        span = lake.span()
        return None if span is None else cls.of(lake, span[1], declared_in(source_uri).holidays)

    def count(self, after: date, until: date) -> int:
        """The number of banking days after a date, up to another one and with it; at most `MOST_DAYS`.

        >>> BankCalendar(BankingDays(None, {}), date(2026, 1, 1)).count(date(2026, 1, 2), date(2026, 1, 5))
        3
        """
        found, day = 0, after
        while day < until and found < MOST_DAYS:
            day += _ONE_DAY
            found += self._is_open(day)
        return found

    def today(self, day: date) -> date:
        """The day until which something has waited, on a calendar day: the day itself, while the bank's nights go on.

        Where they ended long ago, as in an archive that was played, it is the day after the last one.
        """
        return day if (day - self.night).days <= ENDED_DAYS else self.night + _ONE_DAY

    def _is_open(self, day: date) -> bool:
        if day not in self._open:
            self._open[day] = self.known.is_open(day, self.night + _ONE_DAY)
        return self._open[day]


def _booked(lake: Lake, night: date) -> BankingDays:
    """The days on which the bank booked, as a night left them."""
    first = lake.read("state_settlement", night, night)["first_date"].to_pylist()
    days = lake.read("state_booking_days", night, night, ("day", "posting_count"))
    counts = dict(zip(days["day"].to_pylist(), days["posting_count"].to_pylist(), strict=True))
    return BankingDays(first[0] if first else None, counts)
