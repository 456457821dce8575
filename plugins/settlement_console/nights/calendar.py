"""The calendar of nights: what became of each day, and how much was found, from green to red."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from plugins.settlement_console.nights.figures import NightFigures
from plugins.settlement_console.nights.stopped import NightRun
from plugins.settlement_console.nights.usual import NIGHTS_COMPARED, Usual

LONGEST_SILENCE_DAYS = 31
"""Longest time without a night whose days count as missing: a lake that is silent for longer holds nights of the past,
played again, or nobody waits for it."""
MONTHS_SHOWN = 3
"""Number of months of the calendar: they fit beside each other on a screen, and below each other on a telephone."""


class Fate(StrEnum):
    """What became of a night."""

    PUBLISHED = "published"
    STOPPED = "stopped"
    UNDER_WAY = "under way"
    MISSING = "missing"


class Level(StrEnum):
    """How much was found in a night beside what is usual."""

    LITTLE = "little"
    USUAL = "usual"
    MUCH = "much"
    VERY_MUCH = "very much"
    UNKNOWN = "not compared"


@dataclass(frozen=True)
class Day:
    """One day of the calendar.

    Attributes
    ----------
    day
        The settlement date.
    fate
        What became of it.
    level
        How much was found in it.
    per_thousand
        Findings of a thousand postings; None where it is not published.
    run
        Its newest run in Airflow; None where there is none.
    """

    day: date
    fate: Fate
    level: Level = Level.UNKNOWN
    per_thousand: float | None = None
    run: NightRun | None = None

    @property
    def told(self) -> str:
        """The day in words, for the tooltip and who cannot see the colour."""
        if self.fate != Fate.PUBLISHED:
            return f"{self.day}: {self.fate}"
        found = f"{self.per_thousand:,.1f} findings per thousand postings"
        again = "; a later run stopped" if self.run and self.run.has_stopped else ""
        return f"{self.day}: published, {found} ({self.level}){again}"

    @property
    def look(self) -> str:
        """Name of its look in the style sheet."""
        return (self.level if self.fate == Fate.PUBLISHED else self.fate).replace(" ", "-")


@dataclass(frozen=True)
class Stretch:
    """Days in a row that were not published for the same reason; a day with a run of its own stands alone."""

    first: date
    last: date
    fate: Fate
    run: NightRun | None = None

    @property
    def count(self) -> int:
        """Number of its days."""
        return (self.last - self.first).days + 1

    @property
    def name(self) -> str:
        """The days as people write them."""
        return str(self.first) if self.count == 1 else f"{self.first} to {self.last}"


@dataclass(frozen=True)
class Month:
    """One month of the calendar: its weeks, each of seven days from Monday on, None for days of other months."""

    title: str
    weeks: Sequence[Sequence[Day | None]]


def days_of(
    nights: Sequence[NightFigures], runs: Mapping[date, NightRun], due_until: date | None = None
) -> dict[date, Day]:
    """What became of each day from the first of some nights to the newest, or to the newest that a run was about.

    Parameters
    ----------
    nights
        Published nights, oldest first.
    runs
        Newest run of each night.
    due_until
        Last day that should be published by now; None where nobody watches the clock.
    """
    published = {each.night: each for each in nights}
    if not published and not runs:
        return {}
    first = min(published or runs)
    stopped_or_running = [day for day, run in runs.items() if day >= first and run.state != "success"]
    last = max([*published, *stopped_or_running, first])
    if due_until and (due_until - last).days <= LONGEST_SILENCE_DAYS:
        last = max(last, due_until)
    levels = _levels(nights)
    return {day: _day(day, published.get(day), levels.get(day), runs.get(day)) for day in _each(first, last)}


def _each(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days) for days in range((last - first).days + 1))


def _day(day: date, night: NightFigures | None, level: Level | None, run: NightRun | None) -> Day:
    if night is not None:
        # A run that stopped before the night was published is no news.
        is_later = run is not None and run.ended_at is not None and run.ended_at > night.finished_at
        later = run if is_later else None
        return Day(day, Fate.PUBLISHED, level or Level.UNKNOWN, night.findings_per_thousand, later)
    if run is not None and run.has_stopped:
        return Day(day, Fate.STOPPED, run=run)
    return Day(day, Fate.UNDER_WAY if run and run.is_under_way else Fate.MISSING, run=run)


def _levels(nights: Sequence[NightFigures]) -> dict[date, Level]:
    """The level of each night beside the nights before it."""
    found = [each.findings_per_thousand for each in nights]
    return {
        each.night: _level(found[place], Usual.of(found[max(0, place - NIGHTS_COMPARED) : place]))
        for place, each in enumerate(nights)
    }


def _level(found: float, usual: Usual | None) -> Level:
    """The level of a figure: up to the middle of what is usual, up to its upper edge, up to twice that, or above."""
    if usual is None:
        return Level.UNKNOWN
    edges = ((usual.middle, Level.LITTLE), (usual.high, Level.USUAL), (2 * usual.high, Level.MUCH))
    return next((level for edge, level in edges if found <= edge), Level.VERY_MUCH)


def months_of(days: Mapping[date, Day], shown: int = MONTHS_SHOWN) -> list[Month]:
    """The newest months of the days, oldest first."""
    if not days:
        return []
    named = sorted({(day.year, day.month) for day in days})[-shown:]
    weeks = calendar.Calendar()
    return [
        Month(
            f"{calendar.month_name[month]} {year}",
            [
                [days.get(day) if day.month == month else None for day in week]
                for week in weeks.monthdatescalendar(year, month)
            ],
        )
        for year, month in named
    ]


def due_until(now: datetime, publish_hour: int) -> date | None:
    """The last settlement date that should be published by now; None where nobody watches the clock.

    Parameters
    ----------
    now
        The present time (UTC).
    publish_hour
        Hour of the next day (UTC) from which on a night that is not published is missed; -1 for never.
    """
    if publish_hour < 0:
        return None
    return now.date() - timedelta(days=1 if now.hour >= publish_hour else 2)


def is_silent(days: Mapping[date, Day], due: date | None) -> bool:
    """Whether so many nights are due since the newest one that their days are not counted as missing."""
    return bool(days) and due is not None and due > max(days)


def stretches_of(days: Iterable[Day]) -> list[Stretch]:
    """The days that are not published, newest first, those in a row as one."""
    found: list[Stretch] = []
    for day in sorted((each for each in days if each.fate != Fate.PUBLISHED), key=lambda each: each.day, reverse=True):
        after = found[-1] if found else None
        if after and _continues(day, after):
            found[-1] = replace(after, first=day.day)
        else:
            found.append(Stretch(day.day, day.day, day.fate, day.run))
    return found


def _continues(day: Day, after: Stretch) -> bool:
    is_next = after.first - day.day == timedelta(days=1)
    return is_next and day.fate == after.fate and day.run is None and after.run is None
