"""Detects a night with far fewer or far more postings than nights like it; it is reported at once, even when empty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from scipy.stats import poisson

from include.explaining.words.wording import count
from include.monitoring.notices import NOTICES_SCHEMA
from include.publish.escaping import inert
from include.settlement.banking_days import BankingDays

LEVEL_DAYS = 28
"""Days before a night whose median is the bank's level: four of every weekday, so that a month's end has no weight."""
YEAR_MONTHS = 12
"""Number of months whose nights on the same day are compared: every season once, as far as it is known."""
LEAST_MONTHS = 2
LEAST_LEVEL = 5
"""Least number of postings on an ordinary night; with fewer, several times as many are soon chance."""
FEWER, MORE = 0.5, 2.0
"""Multiples of the least and of the most that similar nights had, each relative to the level of its time, beyond which
a night is reported. On 334 nights of the real bank the extremes beyond chance are 0.76 and 1.31; on 2,567 nights of
generated banks of 60 and 150 accounts, booking every day or on banking days, 0.73 and 1.97 where a night has five
postings."""
CHANCE = 1e-4
"""Largest probability (Poisson) of so few, or so many, postings given the usual least or most: one night in thirty
years."""
ENDED_DAYS = 31
"""Days without a posting after which the source counts as ended: a whole month, with its end."""
_NEAR = (-1, 0, 1)
"""Offsets from the same day of another month: payments due on a weekend come on the next banking day."""


@dataclass(frozen=True)
class Usual:
    """The least and the most postings that similar nights lead to expect, and the number of months they come from."""

    least: float
    most: float
    months: int


def volume_notices(night: date, postings: int, known: BankingDays) -> pa.Table:
    """The notice about the number of a night's postings (`NOTICES_SCHEMA`); at most one row.

    Parameters
    ----------
    night
        The night.
    postings
        Number of accepted postings of the night.
    known
        Days on which the bank booked before the night.
    """
    text = _ended(night, postings, known) or _unusual(night, postings, known)
    row = {
        "code": "volume",
        "feature": "",
        "topic": "volume",
        "text": inert(text),
        "asks_for_selection": False,
        "since": night,
        "effect": float(postings),
        "also": [],
    }
    return pa.Table.from_pylist([row] if text else [], schema=NOTICES_SCHEMA)


def _ended(night: date, postings: int, known: BankingDays) -> str:
    if postings or not known.counts or (night - max(known.counts)).days < ENDED_DAYS:
        return ""
    last = max(known.counts)
    return (
        f"The newest posting is of {last}, {count((night - last).days)} days before this night. Either the source "
        "ends there or its deliveries do not arrive: check the address and the delivery."
    )


def _unusual(night: date, postings: int, known: BankingDays) -> str:
    if not known.is_open(night, night) or (not postings and _was_closed_a_year_ago(night, known)):
        return ""
    usual = usual_volume(night, known)
    if usual is None:
        return ""
    is_fewer = postings + 1 < FEWER * (usual.least + 1) and poisson.cdf(postings, usual.least) < CHANCE
    is_more = postings + 1 > MORE * (usual.most + 1) and poisson.sf(postings - 1, usual.most) < CHANCE
    if not (is_fewer or is_more):
        return ""
    came = f"{count(postings)} postings came" if postings else "No posting came"
    return (
        f"{came}, far {'fewer' if is_fewer else 'more'} than usual: nights on this day of the {usual.months} months "
        f"before lead to expect {count(round(usual.least))} to {count(round(usual.most))}. {_MEND[bool(is_fewer)]}"
    )


_MEND = {
    True: "Check whether the delivery is whole; a holiday is known where the source's address declares a calendar, "
    "such as ?holidays=CZ.",
    False: "Check whether something was delivered twice or belongs to another night.",
}


def usual_volume(night: date, known: BankingDays) -> Usual | None:
    """The volume that similar nights lead to expect; None where too little is known.

    Similar nights lie on the same day of other months or beside it; for a month's last banking day they are the last
    banking days of other months. Each one's number of postings is taken relative to the level of its time; holidays and
    other empty nights are left out.
    """
    level = _level(night, night, known)
    months = [list(_ratios(night, back, known)) for back in range(1, YEAR_MONTHS + 1)]
    ratios = sorted(ratio for month in months for ratio in month)
    found = sum(bool(month) for month in months)
    if level < LEAST_LEVEL or found < LEAST_MONTHS:
        return None
    # One torn night a year must not make another one usual.
    strays = len(ratios) // YEAR_MONTHS // len(_NEAR)
    return Usual(ratios[strays] * level, ratios[-1] * level, found)


def _ratios(night: date, months_back: int, known: BankingDays) -> Iterator[float]:
    first = known.first_date or night
    for day in _alike(night, months_back, known):
        is_known = (
            day in known.counts and (day - first).days >= LEVEL_DAYS and (day - min(known.counts)).days >= LEVEL_DAYS
        )
        level = _level(day, night, known) if is_known else 0
        if level:
            yield known.counts[day] / level


def _alike(night: date, months_back: int, known: BankingDays) -> list[date]:
    month = _month_before(night, months_back)
    end = _month_end(month)
    if _is_last_open(night, known):
        return [max((day for day in known.counts if month <= day <= end), default=end)]
    day = month + timedelta(days=min(night.day, end.day) - 1)
    return [near for n in _NEAR if not _is_last_booked(near := day + timedelta(days=n), known)]


def _is_last_open(night: date, known: BankingDays) -> bool:
    rest = (_month_end(night) - night).days
    return not any(known.is_open(night + timedelta(days=n), night) for n in range(1, rest + 1))


def _is_last_booked(day: date, known: BankingDays) -> bool:
    rest = (_month_end(day) - day).days
    return rest < 5 and not any(day + timedelta(days=n) in known.counts for n in range(1, rest + 1))


def _level(day: date, night: date, known: BankingDays) -> float:
    days = (day - timedelta(days=n) for n in range(1, LEVEL_DAYS + 1))
    return float(np.median([known.counts.get(each, 0) for each in days if known.is_open(each, night)] or [0]))


def _was_closed_a_year_ago(night: date, known: BankingDays) -> bool:
    day = date(night.year - 1, night.month, min(night.day, _month_end(date(night.year - 1, night.month, 1)).day))
    return day >= min(known.counts, default=night) and day not in known.counts and known.is_open(day, night)


def _month_before(night: date, months: int) -> date:
    whole = night.year * 12 + night.month - 1 - months
    return date(whole // 12, whole % 12 + 1, 1) if whole >= 12 else date.min


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
