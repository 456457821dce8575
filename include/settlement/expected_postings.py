"""The payments that an account owed, so that a missing posting can be named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from include.settlement.due_dates import MonthlyDue
from include.settlement.fees import Tariff
from include.settlement.findings import Break, cents
from include.settlement.loans import Loan
from include.settlement.standing_orders import PAYMENTS_TO_COUNT, Order
from include.settlement.state import SettlementState


@dataclass(frozen=True)
class Obligations:
    """Orders, loans and fees of the bank, with their state at the end of the night."""

    night: date
    orders: Mapping[int, Order]
    loans: Mapping[int, Loan]
    tariffs: Mapping[str | None, Tariff]
    frequencies: Mapping[int, str | None]
    state: SettlementState

    def named(self, found: Break, rounding_cents: int) -> Break:
        """The break `found`, with the obligation that equals its missing posting, if there is one."""
        correction = found.correction
        if correction is None or correction.action != "insert" or correction.value is None:
            return found
        debit = -cents(correction.value)
        names = [name for amount, name in self._of(found.account_id) if abs(amount - debit) <= rounding_cents]
        return replace(found, proposal=f"{found.proposal} It equals {names[0]}.") if names else found

    def _of(self, account_id: int | None) -> Iterator[tuple[int, str]]:
        for order_id, order in self.orders.items():
            if order.account_id == account_id and self._is_order_open(order_id):
                yield self.state.orders[order_id].accepted_cents, f"{order.name}, which is due"
        for loan_id, loan in self.loans.items():
            if loan.account_id == account_id and self._is_open(self.state.loans.get(loan_id)):
                yield loan.payment_cents, f"{loan.name}, which is due"
        tariff = self.tariffs.get(self.frequencies.get(account_id or 0))
        if tariff and tariff.tariff_cents is not None:
            yield tariff.tariff_cents, "the statement fee of such accounts"

    def _is_order_open(self, order_id: int) -> bool:
        paid = self.state.orders.get(order_id)
        return paid is not None and paid.payments_seen >= PAYMENTS_TO_COUNT and self._is_open(paid.due)

    def _is_open(self, due: MonthlyDue | None) -> bool:
        if due is None:
            return False
        return due.missed_in_row > 0 or (due.next_due is not None and due.next_due <= self.night)
