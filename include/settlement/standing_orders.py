"""Standing orders: paid every month, in the order's amount. An order counts from its second payment seen.

Only transfers that match a row of `fin_order` count: two transfers to one counterparty do not make an order. After
two misses in a row an order counts as ended, until it is paid again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from include.counterparties import account_text
from include.settlement.banking_days import GRACE_DAYS, BankingDays
from include.settlement.due_dates import MonthlyDue
from include.settlement.findings import Break, code_text, money
from include.settlement.queries import NightTables
from include.settlement.reversals import (
    PaymentReversal,
    booked_again,
    new_ones,
    read_payment_reversals,
    reversal_of,
    severity_of,
)
from include.settlement.state import OrderState

# A first miss may be an empty account; an order missed twice was cancelled, and more reports would only be noise.
PATIENCE_MISSES = 2
# The contract: expected monthly after two payments seen.
PAYMENTS_TO_COUNT = 2


@dataclass(frozen=True)
class Order:
    """One row of `fin_order`; money in cents."""

    order_id: int
    account_id: int
    bank_to: str
    account_to: str
    category: str | None
    amount_cents: int
    loan_granted_date: date | None

    @property
    def until(self) -> date:
        """Last date it can be due: once a loan is granted, its instalments belong to the loan checks."""
        if self.loan_granted_date is None:
            return date.max
        # A grant on the calendar's first day is a placeholder that is let in with a warning: no day lies before it.
        return max(self.loan_granted_date, date.min + timedelta(1)) - timedelta(1)

    @property
    def name(self) -> str:
        """The order in words."""
        account, bank = account_text(self.account_to), code_text(self.bank_to)
        return f"standing order {self.order_id} to account {account} at bank {bank}"


@dataclass(frozen=True)
class OrderPayment:
    """One payment of an order; money in cents, unsigned."""

    trans_date: date
    due_id: int
    trans_id: int
    paid_cents: int


def read_orders(tables: NightTables, night: date) -> dict[int, Order]:
    """The bank's standing orders by number, with the loans granted by the night."""
    return {row["order_id"]: Order(**row) for row in tables.rows("orders", night=night)}


def read_order_payments(tables: NightTables) -> list[OrderPayment]:
    """Payments of standing orders among the postings, by date."""
    return [OrderPayment(*payment) for *payment, is_new in tables.tuples("order_payments") if is_new]


def read_order_reversals(tables: NightTables) -> list[PaymentReversal]:
    """Payments of standing orders that were taken back on a later day, by that day."""
    return read_payment_reversals(tables, "order_payments")


def settle_orders(
    night: date,
    payments: Sequence[OrderPayment],
    orders: Mapping[int, Order],
    states: dict[int, OrderState],
    rounding_cents: int,
    banking_days: BankingDays,
    reversals: Sequence[PaymentReversal] = (),
) -> list[Break]:
    """Move `states` through the payments up to the end of `night`, and give what was missed or differs.

    Parameters
    ----------
    reversals
        Payments that were taken back, tonight and before; they have not been made.
    """
    breaks: list[Break] = []
    events: list[OrderPayment | PaymentReversal] = [*new_ones(reversals), *payments]
    again = booked_again(reversals, ((p.due_id, p.trans_date) for p in payments))
    for event in sorted(events, key=lambda e: e.trans_date):
        if event.due_id not in orders or (event.due_id, event.trans_date) in again:
            continue
        if isinstance(event, PaymentReversal):
            breaks += _take_back(orders[event.due_id], event, states)
        else:
            breaks += _pay(orders[event.due_id], event, states, rounding_cents, banking_days)
    for order_id, state in states.items():
        if order_id in orders:
            breaks += _missed(orders[order_id], state, night, banking_days, reversals)
    return breaks


def _take_back(order: Order, reversal: PaymentReversal, states: dict[int, OrderState]) -> list[Break]:
    """The due date is due again; where later payments have moved it on, it is reported at once."""
    state = states.get(order.order_id)
    if state is None or reversal.is_paid_otherwise:
        return []
    if not state.due.take_back(reversal.paid_on):
        is_due = state.payments_seen >= PAYMENTS_TO_COUNT
        return [_taken_back_break(order, state, reversal)] if is_due else []
    state.payments_seen -= 1
    state.paid_cents = state.accepted_cents
    if not state.payments_seen:
        del states[reversal.due_id]
    return []


def _pay(
    order: Order,
    payment: OrderPayment,
    states: dict[int, OrderState],
    rounding_cents: int,
    banking_days: BankingDays,
) -> list[Break]:
    state = states.get(order.order_id)
    if state is None:
        first = MonthlyDue.starting(payment.trans_date)
        states[order.order_id] = OrderState(first, 1, payment.paid_cents, payment.paid_cents)
        return []
    eve = payment.trans_date - timedelta(1)
    breaks = _missed(order, state, eve, banking_days)
    if state.due.receive(payment.trans_date, banking_days.passed(eve)):
        state.payments_seen += 1
        breaks += _amount(order, state, payment, rounding_cents)
    return breaks


def _missed(
    order: Order,
    state: OrderState,
    night: date,
    banking_days: BankingDays,
    reversals: Sequence[PaymentReversal] = (),
) -> list[Break]:
    if state.payments_seen < PAYMENTS_TO_COUNT:
        return []
    dates = state.due.overdue(banking_days.passed(night), PATIENCE_MISSES, order.until)
    is_ended = state.due.next_due is None and state.due.missed_in_row == PATIENCE_MISSES
    unit = banking_days.unit(night)
    breaks = [
        _missed_break(
            order, state, due, unit, reversal_of(reversals, order.order_id, due), is_last=is_ended and due == dates[-1]
        )
        for due in dates
    ]
    severities = [severity_of(reversals, order.order_id, due) for due in dates]
    return [replace(found, severity=severity) for found, severity in zip(breaks, severities, strict=True)]


def _taken_back_break(order: Order, state: OrderState, reversal: PaymentReversal) -> Break:
    found = _unpaid(order, state, f"was due about {reversal.paid_on}. {reversal.words}")
    return replace(found, severity=reversal.severity)


def _missed_break(
    order: Order, state: OrderState, due: date, unit: str, reversed_words: str, *, is_last: bool
) -> Break:
    ending = f" {PATIENCE_MISSES} misses in a row: it counts as ended until it is paid again." if is_last else ""
    told = f"was due on {due} and had not been booked {GRACE_DAYS} {unit} later.{reversed_words}{ending}"
    return _unpaid(order, state, told)


def _unpaid(order: Order, state: OrderState, what_came: str) -> Break:
    return Break(
        code="missed_standing_order",
        account_id=order.account_id,
        trans_id=None,
        expected=state.accepted_cents,
        actual=0,
        text=f"Account {order.account_id} has not paid {order.name}: {money(state.accepted_cents)} {what_came}",
    )


def _amount(order: Order, state: OrderState, payment: OrderPayment, rounding_cents: int) -> list[Break]:
    """Compare a payment with the order, the amount last found right, and the payment before it.

    The order's row is the newest known, not the one of the day: an amount paid twice running is the order's amount
    of its time.
    """
    known = (order.amount_cents, state.accepted_cents, state.paid_cents)
    is_known = any(abs(payment.paid_cents - cents) <= rounding_cents for cents in known)
    expected = state.accepted_cents
    state.paid_cents = payment.paid_cents
    if is_known:
        state.accepted_cents = payment.paid_cents
        return []
    return [_amount_break(order, payment, expected)]


def _amount_break(order: Order, payment: OrderPayment, expected: int) -> Break:
    return Break(
        code="standing_order_amount",
        account_id=order.account_id,
        trans_id=payment.trans_id,
        expected=expected,
        actual=payment.paid_cents,
        text=(
            f"Account {order.account_id} paid {money(payment.paid_cents)} for {order.name} on {payment.trans_date} "
            f"(posting {payment.trans_id}); {money(expected)} was expected, "
            f"a difference of {money(payment.paid_cents - expected)}."
        ),
    )
