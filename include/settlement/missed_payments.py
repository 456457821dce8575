"""Breaks for due payments that did not come or were taken back, the same for standing orders and loans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from include.identifiers import named
from include.settlement.banking_days import GRACE_DAYS
from include.settlement.due_dates import MonthlyDue
from include.settlement.findings import Break, CheckCode, Severity, money
from include.settlement.reversals import PaymentReversal, reversal_of


@dataclass(frozen=True)
class Owed:
    """A monthly obligation of an account.

    Attributes
    ----------
    code
        Code of the check that reports a miss.
    due_id
        Number of the order or loan.
    name
        Order or instalment in words.
    """

    code: CheckCode
    due_id: int
    account_id: int
    name: str
    amount_cents: int

    def missed(self, due: date, unit: str, reversals: Iterable[PaymentReversal], ending: str = "") -> Break:
        """The break for a due date whose grace is over, with the reversal of its payment if there was one."""
        what_came = f"was due on {due} and had not been booked {GRACE_DAYS} {unit} later."
        reversal = reversal_of(reversals, self.due_id, due)
        if reversal is None:
            return self._unpaid(f"{what_came}{ending}", due)
        return self._unpaid(f"{what_came} {reversal.words}{ending}", due, reversal.severity)

    def taken_back(self, due: MonthlyDue, reversal: PaymentReversal) -> list[Break]:
        """Make the due date due again; where later payments have moved it on, the miss is reported at once."""
        if due.take_back(reversal.paid_on):
            return []
        return [
            self._unpaid(f"was due about {reversal.paid_on}. {reversal.words}", reversal.paid_on, reversal.severity)
        ]

    def _unpaid(self, what_came: str, due: date, severity: Severity = "error") -> Break:
        return Break(
            code=self.code,
            account_id=self.account_id,
            trans_id=None,
            expected=self.amount_cents,
            actual=0,
            severity=severity,
            text=f"Account {named(self.account_id)} has not paid {self.name}: {money(self.amount_cents)} {what_came}",
            subject=f"{'loan' if self.code == 'missed_loan_payment' else 'order'} {self.due_id} due {due}",
        )
