"""Days of grace in banking days: told by a calendar or by the bank's own past, and three days elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import holidays
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo import build_bank
from include.errors import SettingsError
from include.settlement.banking_days import COUNTS_KEPT_DAYS, LEAST_DAYS, BankingDays, calendar_of, kept_counts
from include.settlement.findings import Break
from include.settlement.queries import night_tables
from include.settlement.standing_orders import read_order_payments, read_orders, settle_orders
from include.settlement.state import OrderState
from tests.settlement.banks import Bank

FIRST = date(2023, 9, 16)
LATER = timedelta(15)
"""Generated orders are due on the 5th to 14th: fifteen days later they meet Easter, Christmas and a leap day."""
CZECH = holidays.country_holidays("CZ")


def next_banking_day(day: date) -> date:
    """The day itself, or the first after it on which Czech banks book."""
    while not CZECH.is_working_day(day):
        day += timedelta(1)
    return day


@pytest.fixture(scope="module")
def everyday() -> Bank:
    """A generated bank that books on every day."""
    tables = build_bank(60, FIRST - LATER, date(2024, 12, 31), 5).tables
    statics = {name: table for name, table in tables.items() if name != "fin_transaction"}
    return booked(Bank(tables["fin_transaction"], statics, 10), lambda day: day + LATER)


@pytest.fixture(scope="module")
def workdays(everyday: Bank) -> Bank:
    """The same bank, where what falls on a weekend or a holiday is booked on the next banking day."""
    return booked(everyday, next_banking_day)


def booked(bank: Bank, on: Callable[[date], date]) -> Bank:
    """The bank with every posting on another day."""
    days = pa.array(map(on, bank.postings["trans_date"].to_pylist()), pa.date32())
    position = bank.postings.schema.get_field_index("trans_date")
    return replace(bank, postings=bank.postings.set_column(position, "trans_date", days))


def counts_of(bank: Bank) -> Counter[date]:
    return Counter(bank.postings["trans_date"].to_pylist())


def known(declared: str | None = None) -> BankingDays:
    """What is known of a bank with fifty postings on each Czech banking day."""
    days = [day for day in (FIRST + timedelta(n) for n in range(500)) if CZECH.is_working_day(day)]
    return BankingDays(FIRST, dict.fromkeys(days, 50), calendar_of(declared))


SEASONS = {
    "the leap day": (date(2024, 2, 28), date(2024, 3, 6)),
    "Easter": (date(2024, 3, 29), date(2024, 4, 5)),
    "Christmas and the new year": (date(2024, 12, 24), date(2025, 1, 3)),
}


def missed_orders(bank: Bank, first: date, last: date) -> list[tuple[date, Break]]:
    """Breaks of the standing orders alone, night by night, after a history in one pass."""
    counts = counts_of(bank)
    with night_tables(bank.statics, postings=bank.postings) as tables:
        orders, payments = read_orders(tables, last), read_order_payments(tables)
    states: dict[int, OrderState] = {}
    found: list[tuple[date, Break]] = []
    for night in (first - timedelta(1) + timedelta(n) for n in range((last - first).days + 2)):
        known = BankingDays(FIRST, {d: n for d, n in counts.items() if d <= night}, calendar_of(bank.holidays))
        paid = [p for p in payments if (p.trans_date == night if night >= first else p.trans_date < first)]
        breaks = settle_orders(night, paid, orders, states, bank.rounding_cents, known)
        found += [(night, b) for b in breaks if b.code == "missed_standing_order" and night >= first]
    return found


@pytest.mark.parametrize("declared", [None, "CZ"])
@pytest.mark.parametrize("season", SEASONS)
def test_a_bank_of_banking_days_misses_nothing_over_a_long_weekend(
    workdays: Bank, season: str, declared: str | None
) -> None:
    assert missed_orders(replace(workdays, holidays=declared), *SEASONS[season]) == []


@pytest.mark.parametrize("declared", [None, "CZ"])
@pytest.mark.parametrize(
    ("due", "night"),
    [
        (date(2024, 3, 29), date(2024, 4, 4)),  # Good Friday: Tuesday, Wednesday, Thursday
        (date(2024, 3, 28), date(2024, 4, 4)),
        (date(2024, 12, 24), date(2024, 12, 31)),
        (date(2024, 2, 29), date(2024, 3, 5)),
        (date(2024, 12, 31), date(2025, 1, 6)),
        (date(2024, 5, 10), date(2024, 5, 15)),
        (date(2024, 5, 11), date(2024, 5, 15)),
    ],
)
def test_grace_ends_with_the_third_banking_day(due: date, night: date, declared: str | None) -> None:
    found = known(declared)
    nights = [day for day in (due + timedelta(n) for n in range(20)) if found.passed(day) >= due]
    assert nights[0] == night
    assert found.unit(night) == "banking days"


@pytest.mark.parametrize("declared", [None, "CZ"])
def test_a_payment_that_never_comes_is_missed_once_on_its_night(workdays: Bank, declared: str | None) -> None:
    """One that came after Christmas, of an order paid for months."""
    rows, night = workdays.postings.to_pylist(), date(2024, 12, 27)
    long_since = {
        (r["account_id"], r["other_account_id"]) for r in rows if r["trans_date"] < date(2024, 9, 1) and _is_order(r)
    }
    lost = next(
        r
        for r in rows
        if r["trans_date"] == night and _is_order(r) and (r["account_id"], r["other_account_id"]) in long_since
    )
    bank = replace(workdays.with_rows([r for r in rows if r is not lost]), holidays=declared)
    ((told, missed),) = missed_orders(bank, night, date(2025, 1, 3))
    assert (missed.account_id, missed.expected) == (lost["account_id"], int(lost["amount"] * 100))
    assert told == _third_after(date.fromisoformat(missed.text.split(" was due on ")[1][:10]))
    assert "had not been booked 3 banking days later" in missed.text


def _is_order(row: dict[str, Any]) -> bool:
    return row["operation"] == "ROB" and row["category"] != "LO"


def _third_after(day: date) -> date:
    for _ in range(3):
        day = next_banking_day(day + timedelta(1))
    return day


def test_the_state_is_the_same_night_by_night_and_in_one_pass(workdays: Bank) -> None:
    nights = (date(2024, 3, 30), date(2024, 4, 2))
    assert list(workdays.nights(*nights))[-1].state == workdays.state(nights[1] + timedelta(1))


def test_a_bank_that_books_every_day_keeps_three_calendar_days(everyday: Bank, crowns: Bank) -> None:
    for bank, first in ((everyday, FIRST), (crowns, date(1993, 1, 1))):
        found = BankingDays(first, counts_of(bank))
        nights = [first + timedelta(n) for n in range(395)]
        assert all(found.passed(night) == night - timedelta(3) for night in nights)
        assert {found.unit(night) for night in nights} == {"days"}


WEEKDAYS = {"Monday to Friday": range(5), "Sunday to Thursday": (6, 0, 1, 2, 3), "but Sundays": range(6)}


@pytest.mark.parametrize("weekdays", WEEKDAYS.values(), ids=WEEKDAYS)
def test_any_week_is_learned_in_eight_weeks(weekdays: range) -> None:
    days = [day for day in (FIRST + timedelta(n) for n in range(200)) if day.weekday() in weekdays]
    found = BankingDays(days[0], dict.fromkeys(days, 5))
    begun = days[0] + timedelta(LEAST_DAYS)
    assert found.unit(begun - timedelta(2)) == "days"
    assert found.unit(begun) == "banking days"
    assert {day.weekday() for day in (begun + timedelta(n) for n in range(7)) if found.is_open(day)} == set(weekdays)


@pytest.mark.parametrize(
    ("booked", "unit"),
    [
        (lambda n: n % 7 < 5, "banking days"),
        (lambda n: n % 7 < 5 or n == 90, "banking days"),  # one working Saturday
        (lambda n: n % 7 < 5 and not 60 < n < 70, "banking days"),  # closed for nine days
        (lambda n: n % 7 < 5 and n % 3 == 0, "days"),  # too few days to tell
        (lambda n: n % 7 == 0, "days"),  # once a week
        (lambda n: n % 7 < 5 and not 20 < n < 60, "banking days"),  # a hole
        (lambda n: True, "days"),
    ],
)
def test_what_tells_banking_days(booked: Callable[[int], bool], unit: str) -> None:
    monday = date(2023, 1, 2)
    counts = {monday + timedelta(n): 20 for n in range(120) if booked(n)}
    assert BankingDays(monday, counts).unit(monday + timedelta(118)) == unit


def test_a_stray_posting_on_a_sunday_is_no_banking_day() -> None:
    monday = date(2023, 1, 2)
    counts = {monday + timedelta(n): 40 if n % 7 < 5 else 1 for n in range(120)}
    assert BankingDays(monday, counts).passed(monday + timedelta(118)) == monday + timedelta(113)


def test_after_two_silent_weeks_weekdays_count_again() -> None:
    monday = date(2023, 1, 2)
    counts = {monday + timedelta(n): 40 for n in range(120) if n % 7 < 5}
    found, last = BankingDays(monday, counts), max(counts)
    assert found.passed(last + timedelta(14)) == found.passed(last)
    assert found.passed(last + timedelta(16)) == last + timedelta(13)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 400), unique=True), st.sets(st.integers(0, 6)), st.integers(60, 520))
def test_grace_never_runs_back_and_needs_no_more_than_is_remembered(
    holes: list[int], closed: set[int], night: int
) -> None:
    days = [FIRST + timedelta(n) for n in range(521) if n not in holes]
    counts = {day: 9 for day in days if day.weekday() not in closed}
    whole, first = BankingDays(FIRST, counts), min(counts, default=None)
    whole = replace(whole, first_date=first)
    nights = [FIRST + timedelta(n) for n in range(night - 30, night + 1)]
    passed = [whole.passed(day) for day in nights]
    assert passed == sorted(passed)
    assert all(over < day for over, day in zip(passed, nights, strict=True))
    for day, over in zip(nights[-3:], passed[-3:], strict=True):
        until = {known: n for known, n in counts.items() if known <= day}
        assert BankingDays(first if until else None, kept_counts(until, day)).passed(day) == over


def test_what_is_remembered_is_a_year_and_the_newest() -> None:
    counts = {FIRST + timedelta(n): 1 for n in range(900)}
    assert len(kept_counts(counts, FIRST + timedelta(899))) == COUNTS_KEPT_DAYS
    assert kept_counts(counts, date(2060, 1, 1)) == {FIRST + timedelta(899): 1}
    assert kept_counts({}, date.min) == {}


@pytest.mark.parametrize(
    ("code", "holiday"),
    [
        ("CZ", date(2024, 7, 5)),
        ("cz", date(1993, 12, 24)),
        ("DE-BY", date(2024, 5, 30)),  # a working day in the north
        ("AT", date(2024, 3, 29)),  # a bank holiday only
        ("ECB", date(2024, 5, 1)),
    ],
)
def test_a_calendar_by_its_code(code: str, holiday: date) -> None:
    calendar = calendar_of(code)
    assert calendar is not None
    assert not calendar.is_working_day(holiday)
    assert calendar.is_working_day(date(2024, 9, 3))


@pytest.mark.parametrize("code", ["XX", "DE-ZZ", "CZ-BY-1", "utopia"])
def test_an_unknown_calendar_is_refused_with_an_example(code: str) -> None:
    with pytest.raises(SettingsError, match=rf"holidays={code} is a calendar nobody knows: .*\?holidays=CZ or"):
        calendar_of(code)


@pytest.mark.parametrize("day", [date.min, date(1, 1, 3), date.max])
def test_the_calendars_ends_are_nights_too(day: date) -> None:
    for found in (BankingDays(None, {}), BankingDays(None, {}, calendar_of("CZ"))):
        assert found.passed(day) <= day
