"""Checks standing orders: they are paid every month, in the order's amount. An order counts from its second payment.

Only transfers that match a row of `fin_order` count: two transfers to one counterparty do not make an order. After
two misses in a row an order counts as ended, until it is paid again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from include.counterparties import account_text
from include.identifiers import named
from include.settlement.banking_days import BankingDays
from include.settlement.due_dates import MonthlyDue
from include.settlement.findings import Break, code_text, money
from include.settlement.missed_payments import Owed
from include.settlement.queries import NightTables
from include.settlement.reversals import PaymentReversal, booked_again, left_unpaid, read_payment_reversals
from include.settlement.state import OrderState

# A first miss may be an empty account; an order missed twice was cancelled, and more reports would only be noise.
PATIENCE_MISSES = 2
_ENDED = f" {PATIENCE_MISSES} misses in a row: it counts as ended until it is paid again."
# The contract: expected monthly after two payments seen.
PAYMENTS_TO_COUNT = 2


@dataclass(frozen=True)
class Order:
    """One row of `fin_order`; money is in cents."""

    order_id: int
    account_id: int
    bank_to: str
    account_to: str
    category: str | None
    amount_cents: int
    loan_granted_date: date | None

    @property
    def until(self) -> date:
        """The last date on which it can be due; once a loan is granted, its instalments belong to the loan checks."""
        if self.loan_granted_date is None:
            return date.max
        # A grant on the calendar's first day is a placeholder, accepted with a warning; no day lies before it.
        return max(self.loan_granted_date, date.min + timedelta(1)) - timedelta(1)

    @property
    def name(self) -> str:
        """The order in words."""
        account, bank = account_text(self.account_to), code_text(self.bank_to)
        return f"standing order {named(self.order_id)} to account {named(account)} at bank {named(bank)}"


@dataclass(frozen=True)
class OrderPayment:
    """One payment of an order; money is in cents, without a sign."""

    trans_date: date
    due_id: int
    trans_id: int
    paid_cents: int


def read_orders(tables: NightTables, night: date) -> dict[int, Order]:
    """The bank's standing orders by number, with the loans that were granted up to the night."""
    return {row["order_id"]: Order(**row) for row in tables.rows("orders", night=night)}


def read_order_payments(tables: NightTables) -> list[OrderPayment]:
    """The payments of standing orders among the postings, ordered by date."""
    return [OrderPayment(*payment) for *payment, is_new in tables.tuples("order_payments") if is_new]


def read_order_reversals(tables: NightTables) -> list[PaymentReversal]:
    """The payments of standing orders that were taken back on a later day, ordered by that day."""
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
    """Advance `states` through the payments up to the end of `night`, and return breaks for missed and differing ones.

    Parameters
    ----------
    reversals
        Payments that were taken back tonight or before; they count as not made.
    """
    breaks: list[Break] = []
    again = booked_again(reversals, ((p.due_id, p.trans_date) for p in payments))
    events: list[OrderPayment | PaymentReversal] = [*left_unpaid(reversals, again), *payments]
    for event in sorted((e for e in events if e.due_id in orders), key=lambda e: e.trans_date):
        order = orders[event.due_id]
        if isinstance(event, PaymentReversal):
            breaks += _take_back(order, event, states)
        elif (event.due_id, event.trans_date) in again:
            breaks += _pay_again(order, event, states, rounding_cents)
        else:
            breaks += _pay(order, event, states, rounding_cents, banking_days)
    for order_id, state in states.items():
        if order_id in orders:
            breaks += _missed(orders[order_id], state, night, banking_days, reversals)
    return breaks


def _take_back(order: Order, reversal: PaymentReversal, states: dict[int, OrderState]) -> list[Break]:
    """Make a reversed payment due again; where that is not possible, report it if the order counts."""
    state = states.get(order.order_id)
    if state is None:
        return []
    breaks = _owed(order, state).taken_back(state.due, reversal)
    if breaks:
        return breaks if state.payments_seen >= PAYMENTS_TO_COUNT else []
    state.payments_seen -= 1
    state.paid_cents = state.accepted_cents
    if not state.payments_seen:
        del states[order.order_id]
    return []


def _pay_again(
    order: Order, payment: OrderPayment, states: Mapping[int, OrderState], rounding_cents: int
) -> list[Break]:
    """Check the amount of a payment that replaces one taken back the same day; that one has moved the due date."""
    state = states.get(order.order_id)
    if state is None:
        return []
    state.paid_cents = state.accepted_cents
    return _amount(order, state, payment, rounding_cents)


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
    return [
        _owed(order, state).missed(due, unit, reversals, _ENDED if is_ended and due == dates[-1] else "")
        for due in dates
    ]


def _owed(order: Order, state: OrderState) -> Owed:
    return Owed("missed_standing_order", order.order_id, order.account_id, order.name, state.accepted_cents)


def _amount(order: Order, state: OrderState, payment: OrderPayment, rounding_cents: int) -> list[Break]:
    """Compare a payment with the order, with the amount last accepted, and with the payment before it.

    The order's row is the newest one, not that of the day: an amount that was paid twice in a row counts as the order's
    amount at its time.
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
            f"Account {named(order.account_id)} paid {money(payment.paid_cents)} for {order.name} on "
            f"{payment.trans_date} "
            f"(posting {named(payment.trans_id)}); {money(expected)} was expected, "
            f"a difference of {money(payment.paid_cents - expected)}."
        ),
    )
