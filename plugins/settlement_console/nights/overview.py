"""The last nights at a glance: calendar, small multiples, and a table in which a missing night has a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from include.settings import Settings
from plugins.settlement_console.charts import Chart
from plugins.settlement_console.lake_reader import opened_lake
from plugins.settlement_console.nights.calendar import (
    Day,
    Month,
    Stretch,
    days_of,
    due_until,
    is_silent,
    months_of,
    stretches_of,
)
from plugins.settlement_console.nights.figures import NightBook, NightFigures
from plugins.settlement_console.nights.plots import bars_of, plots_of
from plugins.settlement_console.nights.stopped import NightRun
from plugins.settlement_console.nights.usual import NIGHTS_COMPARED, Usual

CALENDAR_NIGHTS = 93
"""Largest number of nights in the calendar: three months."""
NIGHTS_LISTED = NIGHTS_COMPARED + 1
"""Number of nights in the table and the plots: the newest, and those that it is held against."""


@dataclass(frozen=True)
class Overview:
    """The last nights.

    Attributes
    ----------
    nights
        Published nights of the table, newest first.
    rows
        Rows of the table, newest first: a published night, or days that were not published.
    months
        The calendar.
    unpublished
        Days of the calendar that were not published, newest first.
    silent_until
        Last night that is due, where the newest night is so old that the days between do not count as missing.
    plots, bars
        Small multiples of the figures, and bars by code.
    """

    nights: Sequence[NightFigures]
    rows: Sequence[NightFigures | Stretch]
    months: Sequence[Month]
    unpublished: Sequence[Stretch]
    silent_until: date | None
    plots: Sequence[Chart]
    bars: Sequence[Chart]

    @property
    def days_missed(self) -> int:
        """Number of days of the calendar that were not published."""
        return sum(each.count for each in self.unpublished)

    def is_odd(self, name: str, night: NightFigures) -> bool:
        """Whether a figure of a night lies above what is usual among the nights of the table."""
        usual = Usual.of([getattr(each, name) for each in self.nights])
        value = getattr(night, name)
        return usual is not None and value is not None and value > usual.high


def overview_of(settings: Settings, book: NightBook, runs: Mapping[date, NightRun], now: datetime) -> Overview:
    """The last nights of the lake, with what Airflow knows of those that are not published.

    Parameters
    ----------
    book
        Figures that are known from earlier looks.
    runs
        Newest run of each night in Airflow.
    now
        The present time (UTC).
    """
    lake = opened_lake(settings)
    # The first nights of the calendar are held against the nights before them.
    known = [] if lake is None else book.until(lake, None, CALENDAR_NIGHTS + NIGHTS_COMPARED)
    due = due_until(now, settings.alert_publish_hour)
    days = days_of(known, runs, due)
    months = months_of(days)
    return Overview(
        nights=known[-NIGHTS_LISTED:][::-1],
        rows=_rows(days, known[-NIGHTS_LISTED:]),
        months=months,
        unpublished=stretches_of(_days_in(months)),
        silent_until=due if is_silent(days, due) else None,
        plots=plots_of(known[-NIGHTS_LISTED:]),
        bars=bars_of(known[-NIGHTS_LISTED:]),
    )


def _days_in(months: Sequence[Month]) -> list[Day]:
    return [day for month in months for week in month.weeks for day in week if day]


def _rows(days: Mapping[date, Day], nights: Sequence[NightFigures]) -> list[NightFigures | Stretch]:
    """The days from the first listed night on, newest first."""
    first = nights[0].night if nights else min(days, default=date.min)
    rows: list[NightFigures | Stretch] = [*nights, *stretches_of(day for day in days.values() if day.day >= first)]
    return sorted(rows, key=lambda row: row.night if isinstance(row, NightFigures) else row.first, reverse=True)
