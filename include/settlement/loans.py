"""Checks loans: instalments of the agreed amount, monthly from the first due day after the grant, as often as agreed.

The due day is learned: it is the day of a loan's own last payment and, before its first payment, the day of the month
on which the bank books most loan payments. `fin_loan.status` reveals the future and is not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import groupby

from include.identifiers import named
from include.settlement.banking_days import BankingDays
from include.settlement.due_dates import MonthlyDue, first_due, months_later
from include.settlement.findings import Break, money
from include.settlement.missed_payments import Owed
from include.settlement.queries import NightTables
from include.settlement.reversals import PaymentReversal, booked_again, left_unpaid, new_ones, read_payment_reversals
from include.settlement.state import SettlementState

# Measured: instalments are rounded to whole crowns in the loan (2,118.00) and booked to a tenth (2,118.30).
AMOUNT_ROUNDINGS = 5


@dataclass(frozen=True)
class Loan:
    """One loan; money is in cents."""

    loan_id: int
    account_id: int
    granted_date: date
    duration: int
    payment_cents: int

    @cached_property
    def last_due(self) -> date:
        """The last date on which an instalment can be due: `duration` due days lie between the grant and this date."""
        return months_later(self.granted_date, self.duration)

    @property
    def name(self) -> str:
        """The instalment in words."""
        return f"the instalment of loan {named(self.loan_id)}"

    @property
    def owed(self) -> Owed:
        """The instalment as an obligation."""
        return Owed("missed_loan_payment", self.loan_id, self.account_id, self.name, self.payment_cents)


@dataclass(frozen=True)
class LoanPayment:
    """One payment of a loan; money is in cents, without a sign."""

    trans_date: date
    loan_id: int
    trans_id: int
    paid_cents: int


def read_loans(tables: NightTables, night: date) -> dict[int, Loan]:
    """The loans that were granted up to the night, by number."""
    return {row["loan_id"]: Loan(**row) for row in tables.rows("loans", night=night)}


def read_loan_payments(tables: NightTables) -> list[LoanPayment]:
    """The payments of loans among the postings, ordered by date."""
    return [LoanPayment(*payment) for *payment, is_new in tables.tuples("loan_payments") if is_new]


def read_loan_reversals(tables: NightTables) -> list[PaymentReversal]:
    """The payments of loans that were taken back on a later day, ordered by that day."""
    return read_payment_reversals(tables, "loan_payments")


def settle_loans(
    night: date,
    payments: Iterable[LoanPayment],
    loans: Mapping[int, Loan],
    state: SettlementState,
    rounding_cents: int,
    banking_days: BankingDays,
    reversals: Sequence[PaymentReversal] = (),
) -> list[Break]:
    """Advance the loans through one night's payments, and return breaks for missed and differing ones.

    Parameters
    ----------
    reversals
        Payments that were taken back tonight or before; they count as not made.
    """
    known = [p for p in payments if p.loan_id in loans]
    taken_back = [r for r in new_ones(reversals) if r.due_id in loans]
    again = booked_again(reversals, ((p.loan_id, p.trans_date) for p in known))
    for reversal in taken_back:
        _uncount(state.loan_days, reversal.paid_on.day)
    for payment in known:
        day = payment.trans_date.day
        state.loan_days[day] = state.loan_days.get(day, 0) + 1
    passed, unit = banking_days.passed(night - timedelta(1)), banking_days.unit(night)
    _start(passed, loans, state)
    breaks = _overdue(passed, loans, state, unit, reversals)
    for reversal in left_unpaid(taken_back, again):
        if due := state.loans.get(reversal.due_id):
            breaks += loans[reversal.due_id].owed.taken_back(due, reversal)
    for payment in known:
        # A payment that was booked again has moved its due date before; its amount is checked like any other.
        if (payment.loan_id, night) in again or _receive(payment, state, passed):
            breaks += _amount(loans[payment.loan_id], payment, rounding_cents)
    return breaks + _overdue(banking_days.passed(night), loans, state, unit, reversals)


def _uncount(loan_days: dict[int, int], day: int) -> None:
    loan_days[day] = loan_days.get(day, 0) - 1
    if loan_days[day] <= 0:
        del loan_days[day]


def replay_loans(
    last: date,
    payments: Iterable[LoanPayment],
    loans: Mapping[int, Loan],
    state: SettlementState,
    rounding_cents: int,
    banking_days: BankingDays,
    reversals: Sequence[PaymentReversal] = (),
) -> None:
    """Advance the loans from the beginning to the end of `last`, day by day, over the days that matter."""
    by_day = {day: list(group) for day, group in groupby(payments, key=lambda p: p.trans_date)}
    # Before the bank's first loan payment no due day is known, so that a grant changes nothing.
    first = min(by_day, default=last)
    grants = {loan.granted_date for loan in loans.values() if loan.granted_date > first}
    taken_back = {day: list(group) for day, group in groupby(reversals, key=lambda r: r.trans_date)}
    for day in sorted({last, *by_day, *grants, *taken_back}):
        granted = {k: loan for k, loan in loans.items() if loan.granted_date <= day}
        taken = taken_back.get(day, ())
        settle_loans(day, by_day.get(day, ()), granted, state, rounding_cents, banking_days, taken)


def _start(passed: date, loans: Mapping[int, Loan], state: SettlementState) -> None:
    """Give loans that have no due date yet their first one, once the bank's due day is known."""
    due_day = usual_due_day(state.loan_days)
    if due_day is None:
        return
    for loan_id in sorted(loans.keys() - state.loans.keys()):
        # Due dates from before anything was known of them are not reported afterwards.
        after = max(loans[loan_id].granted_date, passed)
        state.loans[loan_id] = MonthlyDue(due_day, first_due(after, due_day))


def usual_due_day(loan_days: Mapping[int, int]) -> int | None:
    """The day of the month on which more than half of the bank's loan payments were booked; None without one.

    Examples
    --------
    >>> usual_due_day({12: 40, 13: 2}), usual_due_day({1: 5, 12: 5})
    (12, None)
    """
    return next((day for day, n in loan_days.items() if 2 * n > sum(loan_days.values())), None)


def _receive(payment: LoanPayment, state: SettlementState, passed: date) -> bool:
    """Apply a payment; returns False when it is an extra payment between two due dates."""
    due = state.loans.get(payment.loan_id)
    if due is not None:
        return due.receive(payment.trans_date, passed)
    state.loans[payment.loan_id] = MonthlyDue.starting(payment.trans_date)
    return True


def _amount(loan: Loan, payment: LoanPayment, rounding_cents: int) -> list[Break]:
    if abs(payment.paid_cents - loan.payment_cents) <= AMOUNT_ROUNDINGS * rounding_cents:
        return []
    return [_amount_break(loan, payment)]


def _overdue(
    passed: date, loans: Mapping[int, Loan], state: SettlementState, unit: str, reversals: Sequence[PaymentReversal]
) -> list[Break]:
    return [
        loans[loan_id].owed.missed(due_date, unit, reversals)
        for loan_id, due in state.loans.items()
        if loan_id in loans
        for due_date in due.overdue(passed, until=loans[loan_id].last_due)
    ]


def _amount_break(loan: Loan, payment: LoanPayment) -> Break:
    return Break(
        code="loan_payment_amount",
        account_id=loan.account_id,
        trans_id=payment.trans_id,
        expected=loan.payment_cents,
        actual=payment.paid_cents,
        text=(
            f"Account {named(loan.account_id)} paid {money(payment.paid_cents)} for loan {named(loan.loan_id)} on "
            f"{payment.trans_date} (posting {named(payment.trans_id)}); the instalment is {money(loan.payment_cents)}, "
            f"a difference of {money(payment.paid_cents - loan.payment_cents)}."
        ),
    )
