"""The calendar: what became of each day, and how much was found beside what is usual."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from plugins.settlement_console.nights.calendar import (
    LONGEST_SILENCE_DAYS,
    Fate,
    Level,
    days_of,
    due_until,
    is_silent,
    months_of,
    stretches_of,
)
from plugins.settlement_console.nights.stopped import NightRun
from tests.plugins.nights.figures import FIRST, figures, nights_of

FAILED, RUNNING = NightRun("r", "failed", datetime(1994, 1, 9, tzinfo=UTC)), NightRun("r", "running", None)


def _after(days: int) -> date:
    return FIRST + timedelta(days)


def test_a_missing_a_stopped_and_a_running_night_each_stand_between_published_ones() -> None:
    nights = [figures(FIRST), figures(_after(5))]
    days = days_of(nights, {_after(1): FAILED, _after(2): RUNNING, _after(6): FAILED})
    fates = [days[_after(each)].fate for each in range(7)]
    published, missing = Fate.PUBLISHED, Fate.MISSING
    assert fates == [published, Fate.STOPPED, Fate.UNDER_WAY, missing, missing, published, Fate.STOPPED]
    found = stretches_of(days.values())
    assert [(each.name, each.count, each.fate) for each in found] == [
        ("1994-01-07", 1, Fate.STOPPED),
        ("1994-01-04 to 1994-01-05", 2, Fate.MISSING),
        ("1994-01-03", 1, Fate.UNDER_WAY),
        ("1994-01-02", 1, Fate.STOPPED),
    ]


def test_a_run_that_stopped_after_its_night_was_published_is_told() -> None:
    days = days_of([figures(FIRST)], {FIRST: FAILED})
    assert "a later run stopped" in days[FIRST].told
    before = NightRun("r", "failed", datetime(1994, 1, 2, 2, tzinfo=UTC))
    assert "stopped" not in days_of([figures(FIRST)], {FIRST: before})[FIRST].told


def test_days_are_missing_until_now_unless_the_lake_has_been_silent_for_long() -> None:
    nights = [figures(FIRST)]
    due = _after(LONGEST_SILENCE_DAYS)
    assert max(days_of(nights, {}, due)) == due
    later = due + timedelta(1)
    silent = days_of(nights, {}, later)
    assert (max(silent), is_silent(silent, later)) == (FIRST, True)
    assert not is_silent(days_of(nights, {}, due), due)
    assert (days_of([], {}, due), is_silent({}, due)) == ({}, False)


@pytest.mark.parametrize(
    ("hour", "publish_hour", "due"),
    [(7, 6, date(1994, 1, 30)), (5, 6, date(1994, 1, 29)), (7, -1, None)],
)
def test_a_night_is_due_from_the_hour_that_is_set(hour: int, publish_hour: int, due: date | None) -> None:
    assert due_until(datetime(1994, 1, 31, hour, tzinfo=UTC), publish_hour) == due


@pytest.mark.parametrize(
    ("flagged", "level"), [(5, Level.LITTLE), (12, Level.USUAL), (20, Level.MUCH), (60, Level.VERY_MUCH)]
)
def test_a_night_is_as_red_as_it_found_more_than_is_usual(flagged: int, level: Level) -> None:
    days = days_of(nights_of(8, 9, 10, 11, 12, 13, flagged), {})
    assert days[_after(6)].level == level
    assert days[FIRST].level == Level.UNKNOWN


def test_a_calendar_has_whole_weeks_and_the_newest_months() -> None:
    days = days_of([figures(date(1994, 1, 31)), figures(date(1994, 4, 2))], {})
    months = months_of(days, 3)
    assert [month.title for month in months] == ["February 1994", "March 1994", "April 1994"]
    assert {len(week) for month in months for week in month.weeks} == {7}
    assert months[2].weeks[0][4].day == date(1994, 4, 1)
    assert months[0].weeks[0][0] is None
    assert months_of({}) == []
