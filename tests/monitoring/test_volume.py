"""Nights with far fewer or far more postings than nights like them, told at once; and nights that are quiet."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from include.monitoring.volume import ENDED_DAYS, volume_notices
from include.settlement.banking_days import BankingDays

FIRST = date(2023, 1, 1)


def is_month_end(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def booked_until(night: date, *, on_weekends: bool = True) -> BankingDays:
    """A bank of sixty postings a day and four hundred at a month's end."""
    days = [FIRST + timedelta(days=n) for n in range((night - FIRST).days)]
    counts = {day: 400 if is_month_end(day) else 60 for day in days if on_weekends or day.weekday() < 5}
    return BankingDays(FIRST, counts)


def told(night: date, postings: int, known: BankingDays) -> str:
    notices = volume_notices(night, postings, known).to_pylist()
    assert all(notice["code"] == "volume" for notice in notices)
    return " ".join(notice["text"] for notice in notices)


@pytest.mark.parametrize(
    ("night", "postings", "said"),
    [
        (date(2023, 8, 16), 0, "No posting came, far fewer"),
        (date(2023, 8, 16), 10, "10 postings came, far fewer"),
        (date(2023, 8, 16), 300, "300 postings came, far more"),
        (date(2023, 8, 31), 60, "60 postings came, far fewer"),
        (date(2023, 8, 31), 0, "No posting came, far fewer"),
        (date(2023, 8, 16), 60, ""),
        (date(2023, 8, 16), 45, ""),
        (date(2023, 8, 31), 400, ""),
        (date(2023, 8, 31), 330, ""),
    ],
)
def test_a_night_is_held_against_nights_on_its_day_of_the_month(night, postings, said):
    found = told(night, postings, booked_until(night))
    assert (said in found) if said else (found == "")


def test_a_day_the_bank_does_not_book_on_is_quiet():
    sunday = date(2023, 8, 13)
    known = booked_until(sunday, on_weekends=False)
    assert told(sunday, 0, known) == ""
    assert told(sunday, 0, booked_until(sunday)) != ""


def test_a_young_bank_is_quiet():
    night = FIRST + timedelta(days=20)
    assert told(night, 0, booked_until(night)) == ""


@pytest.mark.parametrize("silence", [ENDED_DAYS, 800, 11_000])
def test_a_source_that_ended_is_said(silence):
    last = date(2023, 8, 16)
    known = booked_until(last + timedelta(days=1))
    assert f"The newest posting is of {last}" in told(last + timedelta(days=silence), 0, known)


def test_a_bank_without_any_posting_has_nothing_to_tell():
    assert told(date(2023, 8, 16), 0, BankingDays(None, {})) == ""
