"""Banking days between two dates."""

from __future__ import annotations

from datetime import date, timedelta

from include.settlement.bank_calendar import ENDED_DAYS, MOST_DAYS, BankCalendar
from include.settlement.banking_days import BankingDays, calendar_of

FIRST, LAST = date(2026, 1, 1), date(2026, 7, 17)
FRIDAY, MONDAY = date(2026, 7, 10), date(2026, 7, 13)


def _on_weekdays() -> BankCalendar:
    days = (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1))
    return BankCalendar(BankingDays(FIRST, {day: 100 for day in days if day.weekday() < 5}), LAST)


def test_a_weekend_makes_nothing_older_at_a_bank_that_is_closed_then() -> None:
    assert _on_weekdays().count(FRIDAY, MONDAY) == 1
    every_day = BankCalendar(BankingDays(None, {}), LAST)
    assert every_day.count(FRIDAY, MONDAY) == 3


def test_the_banks_habit_holds_for_days_after_the_last_night() -> None:
    assert _on_weekdays().count(LAST, LAST + timedelta(days=14)) == 10


def test_a_declared_calendar_knows_holidays() -> None:
    declared = BankCalendar(BankingDays(None, {}, calendar_of("CZ")), LAST)
    assert declared.count(date(2026, 12, 23), date(2026, 12, 28)) == 1


def test_nothing_is_older_than_people_can_use() -> None:
    assert _on_weekdays().count(date(1990, 1, 1), LAST) == MOST_DAYS
    assert _on_weekdays().count(MONDAY, FRIDAY) == 0


def test_what_waits_in_an_archive_waits_until_its_last_night() -> None:
    calendar = _on_weekdays()
    soon = LAST + timedelta(days=ENDED_DAYS)
    assert calendar.today(soon) == soon
    assert calendar.today(soon + timedelta(days=1)) == LAST + timedelta(days=1)
