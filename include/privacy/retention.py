"""The duty to keep records, which goes before erasure: nothing that is younger than it is erased."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from include.errors import RetentionError
from include.lake import Lake
from include.privacy.subject import Subject, last_dates, posting_days


@dataclass(frozen=True)
class Retention:
    """How long a client's records are to be kept.

    Attributes
    ----------
    newest
        Day of the client's newest record: posting, opening of an account, issue of a card, or last instalment; None
        where no record has a date.
    years
        Years of the duty (`ADS_RETENTION_YEARS`).
    """

    newest: date | None
    years: int

    @classmethod
    def of(cls, lake: Lake, subject: Subject, years: int) -> Retention:
        """The duty as the lake's records tell it, those of older versions of its tables among them.

        The law counts from the end of the business relationship, which no record of the bank names; it did not end
        before the newest record.
        """
        days = posting_days(lake, subject.used)
        return cls(_newest([*last_dates(lake, subject), *(days or ())]), years)

    @property
    def erasable_from(self) -> date:
        """The first day on which the client may be erased."""
        return date.min if self.newest is None else _years_after(self.newest, self.years) + timedelta(days=1)

    def require(self, today: date) -> None:
        """See that the duty is over.

        Raises
        ------
        RetentionError
            While it is not.
        """
        if today < self.erasable_from:
            raise RetentionError(
                f"nothing was erased: the client's newest record is of {self.newest}, and records are kept for "
                f"{self.years} years (ADS_RETENTION_YEARS; Act No. 253/2008 Coll., section 16, and No. 563/1991 Coll., "
                f"section 31). Today is {today}: ask again from {self.erasable_from} on",
                setting="retention_years",
            )

    def as_dict(self, today: date) -> dict[str, Any]:
        """The duty for people."""
        return {
            "newest_record": self.newest,
            "years": self.years,
            "erasable_from": None if self.newest is None else self.erasable_from,
            "is_over": today >= self.erasable_from,
        }


def _newest(days: Collection[date]) -> date | None:
    return max(days, default=None)


def _years_after(day: date, years: int) -> date:
    """The same day a number of years later; the last of February where that year has no 29th.

    >>> _years_after(date(2016, 2, 29), 10)
    datetime.date(2026, 2, 28)
    """
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
