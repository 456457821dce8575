"""Standing orders: missed, of another amount, ended, and what is none of theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from include.identifiers import unmarked
from include.settlement.banking_days import BankingDays
from include.settlement.due_dates import MonthlyDue
from include.settlement.findings import Break
from include.settlement.reversals import PaymentReversal
from include.settlement.standing_orders import Order, OrderPayment, settle_orders
from include.settlement.state import OrderState
from tests.settlement.banks import Bank, chained, small_bank

ROW = {"order_id": 7, "account_id": 1, "bank_to": "Y<b>", "account_to": 42, "amount": 300, "category": "HH"}
ORDER = Order(7, 1, "Y<b>", 42, "HH", 30_000, None)
TO_42 = {"operation": "ROB", "other_bank_id": "Y<b>", "other_account_id": 42}


def months(*amounts: int, day: int = 10) -> list[tuple[date, int]]:
    """One payment a month of 1993; 0 is none."""
    return [(date(1993, month, day), amount) for month, amount in enumerate(amounts, start=1) if amount]


def played(payments: list[tuple[date, int]], last: date) -> list[tuple[date, Break]]:
    """Breaks of one order from its first payment, every night played."""
    states: dict[int, OrderState] = {}
    night, found = payments[0][0], []
    while night <= last:
        tonight = [OrderPayment(day, 7, n, amount * 100) for n, (day, amount) in enumerate(payments) if day == night]
        found += [(night, b) for b in settle_orders(night, tonight, {7: ORDER}, states, 1, BankingDays(None, {}))]
        night += timedelta(1)
    return found


def codes(payments: list[tuple[date, int]], last: date = date(1993, 8, 31)) -> list[tuple[str, date]]:
    return [(found.code, night) for night, found in played(payments, last)]


def bank(category: str = "HH", account_to: int = 42, **statics: Any) -> Bank:
    """An order of 300 paid in January and February, from a full account."""
    paid = {**TO_42, "category": category}
    events = [(date(1993, 1, 9), "900", {}), *[(date(1993, month, 10), "-300", paid) for month in (1, 2)]]
    return small_bank(chained(events), fin_order=[{**ROW, "category": category, "account_to": account_to}], **statics)


def codes_of(found: Bank) -> set[str]:
    """Codes of the night on which a missing March payment is reported."""
    return {b["check_code"] for b in found.breaks(date(1993, 3, 13), date(1993, 3, 15))}


def test_missed_is_reported_three_days_after_the_due_day() -> None:
    ((night, found),) = played(months(300, 300, 0, 300), date(1993, 5, 10))
    assert (found.code, night) == ("missed_standing_order", date(1993, 3, 13))
    assert (found.trans_id, found.expected, found.actual) == (None, 30_000, 0)
    assert unmarked(found.text) == (
        "Account 1 has not paid standing order 7 to account 42 at bank Yb: 300.00 was due on 1993-03-10 and had not "
        "been booked 3 days later."
    )


def test_counts_only_from_the_second_payment() -> None:
    assert codes(months(300)) == []
    assert codes(months(300, 0, 300), date(1993, 4, 12)) == []
    assert codes(months(300, 0, 300), date(1993, 4, 13)) == [("missed_standing_order", date(1993, 4, 13))]


def test_ends_after_two_misses_and_wakes_when_paid_again() -> None:
    found = codes(months(300, 300, 0, 0, 0, 300, 0))
    missed = [date(1993, 3, 13), date(1993, 4, 13), date(1993, 7, 13), date(1993, 8, 13)]
    assert found == [("missed_standing_order", day) for day in missed]


@pytest.mark.parametrize(
    ("amounts", "wrong"),
    [
        ([300, 300, 310, 300], [3]),
        ([300, 310], [2]),
        ([250, 250, 300], []),  # the order's row is newer than its first payments
        ([250, 250, 260, 250], [3]),
        ([300, 300, 350, 350, 350], [3]),  # paid twice running: the new amount
    ],
)
def test_amount_against_the_order_and_what_was_paid_before(amounts: list[int], wrong: list[int]) -> None:
    expected = [("standing_order_amount", date(1993, month, 10)) for month in wrong]
    assert codes(months(*amounts), date(1993, len(amounts), 28)) == expected


@pytest.mark.parametrize(("again", "wrong"), [(300, []), (305, [305]), (800, [800])])
def test_what_is_booked_again_on_the_day_it_is_taken_back_has_its_amount_compared(again: int, wrong: list[int]) -> None:
    states: dict[int, OrderState] = {}
    day, paid = date(1993, 3, 13), [OrderPayment(date(1993, n, 10), 7, n, 30_000) for n in (1, 2, 3)]
    settle_orders(date(1993, 3, 12), paid, {7: ORDER}, states, 1, BankingDays(None, {}))
    due = replace(states[7].due)
    back = PaymentReversal(day, 7, 8, date(1993, 3, 10), 3, is_paid_otherwise=True, is_new=True)
    payment = OrderPayment(day, 7, 9, again * 100)
    found = settle_orders(day, [payment], {7: ORDER}, states, 1, BankingDays(None, {}), [back])
    assert [(b.code, b.trans_id, b.expected, b.actual) for b in found] == [
        ("standing_order_amount", 9, 30_000, amount * 100) for amount in wrong
    ]
    assert (states[7].due, states[7].payments_seen) == (due, 3)


def test_a_wrong_amount_booked_again_is_wrong_again() -> None:
    state = OrderState(MonthlyDue(10, date(1993, 4, 10)), 3, 30_000, 80_000)
    day = date(1993, 3, 13)
    back = PaymentReversal(day, 7, 8, date(1993, 3, 10), 3, is_paid_otherwise=True, is_new=True)
    payment = OrderPayment(day, 7, 9, 80_000)
    (found,) = settle_orders(day, [payment], {7: ORDER}, {7: state}, 1, BankingDays(None, {}), [back])
    assert (found.code, found.expected, found.actual) == ("standing_order_amount", 30_000, 80_000)


def test_a_transfer_without_an_order_is_no_order() -> None:
    assert codes_of(bank()) == {"missed_standing_order"}
    assert codes_of(bank(account_to=43)) == set()


def test_a_loans_payments_are_left_to_the_loan_checks() -> None:
    loan = {"loan_id": 5, "account_id": 1, "granted_date": date(1993, 1, 5), "duration": 24, "payments": 300}
    assert codes_of(bank("LO", fin_loan=[loan])) == {"missed_loan_payment"}
    assert codes_of(bank("LO")) == {"missed_standing_order"}


def test_a_real_payment_taken_away_is_missed(crowns: Bank) -> None:
    rows = crowns.postings.to_pylist()
    night = date(1994, 1, 12)
    paid = [r for r in rows if r["trans_date"] == night and r["operation"] == "ROB" and r["category"] == "HH"]
    first = {r["account_id"] for r in rows if r["operation"] == "ROB" and r["trans_date"] < date(1993, 11, 1)}
    lost = next(r for r in paid if r["account_id"] in first)
    found = crowns.with_rows([r for r in rows if r is not lost]).breaks(night, date(1994, 1, 15))
    (missed,) = [b for b in found if b["check_code"] == "missed_standing_order"]
    assert (missed["account_id"], missed["settlement_date"]) == (lost["account_id"], date(1994, 1, 15))
    assert missed["expected"] == lost["amount"]
