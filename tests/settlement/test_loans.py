"""Loans: the due day is learned, the instalments are counted, the amounts compared within the loan's rounding."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from include.settlement.banking_days import BankingDays
from include.settlement.loans import Loan, LoanPayment, settle_loans
from include.settlement.reversals import PaymentReversal
from include.settlement.state import SettlementState
from tests.settlement.banks import Bank, chained, small_bank

LOANS = {
    5: Loan(5, 1, date(1993, 1, 12), 3, 30_000),
    6: Loan(6, 2, date(1992, 1, 1), 60, 1_000),
}
OTHERS = [LoanPayment(date(1993, month, 12), 6, 100 + month, 1_000) for month in range(1, 8)]
"""Another account pays its loan on the 12th."""


def codes(payments: list[tuple[date, int]], others: list[LoanPayment] = OTHERS) -> list[tuple[str, date]]:
    """Breaks of loan 5, every night of seven months played; payments in cents."""
    paid = [*others, *(LoanPayment(day, 5, n, cents) for n, (day, cents) in enumerate(payments))]
    state, found = SettlementState(), []
    for night in (date(1993, 1, 1) + timedelta(n) for n in range(211)):
        granted = {k: loan for k, loan in LOANS.items() if loan.granted_date <= night}
        breaks = settle_loans(
            night, [p for p in paid if p.trans_date == night], granted, state, 1, BankingDays(None, {})
        )
        found += [(b.code, night) for b in breaks if b.account_id == 1]
    return found


def test_an_unpaid_loan_is_missed_from_the_banks_due_day_as_often_as_agreed() -> None:
    missed = [date(1993, 2, 15), date(1993, 3, 15), date(1993, 4, 15)]
    assert codes([]) == [("missed_loan_payment", day) for day in missed]


def test_without_a_usual_due_day_the_first_payment_sets_it() -> None:
    assert codes([], others=[]) == []
    assert codes([(date(1993, 2, 20), 30_000)], others=[]) == [("missed_loan_payment", date(1993, 3, 23))]


def test_paid_loans_are_silent_and_need_nothing_after_the_last_instalment() -> None:
    paid = [(date(1993, month, 12), 30_000) for month in (2, 3, 4)]
    assert codes(paid) == []


@pytest.mark.parametrize(("amount", "is_wrong"), [(30_005, False), (30_006, True), (3_000, True)])
def test_amounts_agree_within_five_roundings(amount: int, is_wrong: bool) -> None:
    found = codes([(date(1993, 2, 12), amount), (date(1993, 3, 12), 30_000), (date(1993, 4, 12), 30_000)])
    assert found == ([("loan_payment_amount", date(1993, 2, 12))] if is_wrong else [])


@pytest.mark.parametrize(("again", "wrong"), [(30_000, []), (80_000, [80_000])])
def test_an_instalment_booked_again_on_the_day_it_is_taken_back_is_compared(again: int, wrong: list[int]) -> None:
    paid_on, day, days = date(1993, 2, 12), date(1993, 2, 14), BankingDays(None, {})
    state, loans = SettlementState(), {5: LOANS[5]}
    settle_loans(paid_on, [LoanPayment(paid_on, 5, 1, 30_000)], loans, state, 1, days)
    due = replace(state.loans[5])
    back = PaymentReversal(day, 5, 2, paid_on, 1, is_paid_otherwise=True, is_new=True)
    found = settle_loans(day, [LoanPayment(day, 5, 3, again)], loans, state, 1, days, [back])
    assert [(b.code, b.trans_id, b.actual) for b in found] == [("loan_payment_amount", 3, amount) for amount in wrong]
    assert state.loans[5] == due


@pytest.mark.parametrize(("granted", "duration"), [(date.min, 12), (date(1993, 1, 12), 10**12)])
def test_a_loan_with_an_absurd_date_or_duration_does_not_stop_the_others(granted: date, duration: int) -> None:
    order = {"order_id": 1, "account_id": 1, "bank_to": "AB", "account_to": 7, "amount": Decimal(30), "category": "LO"}
    loan = {"account_id": 1, "payments": Decimal(30), "granted_date": granted, "duration": duration, "loan_id": 1}
    due = {"category": "LO", "other_bank_id": "AB", "other_account_id": 7}
    paid = chained([(date(1993, month, 12), "-30", due) for month in (2, 3, 4)], opening="1000")
    assert small_bank(paid, fin_order=[order], fin_loan=[loan]).breaks(date(1993, 2, 12), date(1993, 4, 12)) == []


def test_status_is_never_used(crowns: Bank) -> None:
    loans = crowns.statics["fin_loan"]
    blank = loans.set_column(loans.schema.get_field_index("status"), "status", [["A"] * loans.num_rows])
    other = Bank(crowns.postings, {**crowns.statics, "fin_loan": blank}, crowns.rounding_cents)
    nights = date(1994, 1, 12), date(1994, 1, 15)
    assert other.breaks(*nights) == crowns.breaks(*nights)


def test_the_one_real_loan_never_paid_is_missed_every_month(crowns: Bank) -> None:
    found = crowns.breaks(date(1993, 7, 12), date(1993, 7, 15)) + crowns.breaks(date(1994, 1, 14), date(1994, 1, 16))
    loan = [(b["check_code"], b["account_id"], b["settlement_date"]) for b in found if "loan" in b["check_code"]]
    assert loan == [
        ("missed_loan_payment", 1787, date(1993, 7, 15)),
        ("missed_loan_payment", 1787, date(1994, 1, 15)),
    ]
