"""When something monthly is due, and what counts as paying it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from include.settlement.banking_days import BankingDays
from include.settlement.due_dates import MonthlyDue

EVERY_DAY = BankingDays(None, {})
"""Nothing is known of the bank: every day counts."""


def eve_of(day: date) -> date:
    """The last due date whose grace is over before a day."""
    return EVERY_DAY.passed(day - timedelta(1))


def played(payments: list[date], until: date) -> list[date]:
    """Misses of an expectation that begins with the first payment, all days played."""
    due, missed = MonthlyDue.starting(payments[0]), []
    day = payments[0]
    while (day := day + timedelta(1)) <= until:
        if day in payments:
            due.receive(day, eve_of(day))
        missed += due.overdue(EVERY_DAY.passed(day))
    return missed


@pytest.mark.parametrize(
    "payments",
    [
        [date(1993, 1, 31), date(1993, 2, 28), date(1993, 3, 31), date(1993, 4, 30), date(1993, 5, 31)],
        [date(1993, 1, 30), date(1993, 3, 1), date(1993, 3, 30), date(1993, 4, 30), date(1993, 5, 31)],
        [date(1993, 2, 28), date(1993, 3, 31), date(1993, 4, 30), date(1993, 5, 31)],
        # due on the 10th, booked on the next business day
        [date(1993, 1, 11), date(1993, 2, 10), date(1993, 3, 10), date(1993, 4, 12), date(1993, 5, 10)],
        # due on the 31st, booked on the first business day after it
        [date(1993, 1, 31), date(1993, 3, 1), date(1993, 3, 31), date(1993, 5, 3), date(1993, 5, 31)],
        # booked on the business day before
        [date(1993, 1, 8), date(1993, 2, 10), date(1993, 3, 10), date(1993, 4, 9), date(1993, 5, 10)],
        # the customer chose an earlier day
        [date(1993, 1, 20), date(1993, 2, 20), date(1993, 3, 10), date(1993, 4, 10), date(1993, 5, 10)],
    ],
)
def test_regular_payments_are_never_missed(payments: list[date]) -> None:
    assert played(payments, date(1993, 6, 2)) == []


def test_a_missed_one_is_reported_once_three_days_later() -> None:
    due = MonthlyDue.starting(date(1993, 1, 31))
    reports = {day: due.overdue(EVERY_DAY.passed(day)) for day in (date(1993, 2, 28) + timedelta(n) for n in range(6))}
    assert {day: missed for day, missed in reports.items() if missed} == {date(1993, 3, 3): [date(1993, 2, 28)]}
    assert due.next_due == date(1993, 3, 31)


def test_a_late_payment_moves_the_due_day_and_an_early_one_moves_it_back() -> None:
    payments = [date(1993, 1, 10), date(1993, 2, 18), date(1993, 3, 18), date(1993, 4, 10), date(1993, 5, 10)]
    assert played(payments, date(1993, 5, 31)) == [date(1993, 2, 10)]


def test_an_extra_payment_between_two_due_days_changes_nothing() -> None:
    due = MonthlyDue.starting(date(1993, 1, 10))
    assert not due.receive(date(1993, 1, 20), eve_of(date(1993, 1, 20)))
    assert due == MonthlyDue.starting(date(1993, 1, 10))


def test_nothing_is_due_after_the_last_date() -> None:
    due = MonthlyDue.starting(date(1993, 1, 10))
    assert due.overdue(date(1993, 12, 31), until=date(1993, 3, 10)) == [date(1993, 2, 10), date(1993, 3, 10)]
    assert due.next_due is None
