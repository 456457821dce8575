"""Reads the reversals among a night's postings: payments taken back, and negative amounts that take nothing back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from include.identifiers import named
from include.quality.reversals import NEGATIVE_DAYS
from include.settlement.due_dates import EARLY_DAYS
from include.settlement.findings import Break, Severity, money
from include.settlement.queries import NightTables

# The shortest allowed look-back, so that a night and a whole history see the same days before a reversal.
REACH_DAYS = 61


@dataclass(frozen=True)
class PaymentReversal:
    """A payment of an order or a loan that was taken back on a later day.

    Attributes
    ----------
    trans_date, trans_id
        Date and number of the reversal.
    due_id
        Number of the order or loan.
    paid_on, payment_id
        Date and number of the posting that it takes back.
    is_paid_otherwise
        Whether another payment of about the same day remains.
    is_new
        Whether the reversal is of the night or history, not of the look-back.
    is_doubtful
        Whether the only evidence is a posting in the other direction without a purpose, which may be money that
        somebody sent.
    """

    trans_date: date
    due_id: int
    trans_id: int
    paid_on: date
    payment_id: int
    is_paid_otherwise: bool
    is_new: bool
    is_doubtful: bool = False

    @property
    def words(self) -> str:
        """Sentences on what happened."""
        doubt = (
            f" Posting {named(self.trans_id)} states no purpose and may be money of its own."
            if self.is_doubtful
            else ""
        )
        return (
            f"It had been paid on {self.paid_on} (posting {named(self.payment_id)}), which posting "
            f"{named(self.trans_id)} took back "
            f"on {self.trans_date}.{doubt}"
        )

    @property
    def severity(self) -> Severity:
        """The severity of a payment that is missing because of the reversal."""
        return "warn" if self.is_doubtful else "error"


def read_payment_reversals(tables: NightTables, payments: str) -> list[PaymentReversal]:
    """Reversals of the payments that a query finds, ordered by date; where nothing was reversed, no query is run."""
    if not tables.has_reversals:
        return []
    tables.keep(payments, "payments")
    rows = tables.tuples("payment_reversals", reach_days=REACH_DAYS, same_days=EARLY_DAYS)
    return [PaymentReversal(*row) for row in rows]


def reversal_of(reversals: Iterable[PaymentReversal], due_id: int, due: date) -> PaymentReversal | None:
    """The newest reversal of the payment of a due date; None where there is none."""
    of_due_date = [r for r in reversals if r.due_id == due_id and abs((r.paid_on - due).days) <= EARLY_DAYS]
    return of_due_date[-1] if of_due_date else None


def check_unmatched(tables: NightTables) -> list[Break]:
    """Breaks for the negative amounts of the night that take nothing back."""
    return [_unmatched(row) for row in tables.rows("unmatched_reversals")]


def _unmatched(row: dict[str, Any]) -> Break:
    trans_id, account_id, amount = row["trans_id"], row["account_id"], row["amount_cents"]
    return Break(
        code="unmatched_reversal",
        account_id=account_id,
        trans_id=trans_id,
        actual=amount,
        severity="warn",
        text=(
            f"Posting {named(trans_id)} of {money(amount)} on account {named(account_id)} takes a posting "
            "back, but the account has "
            f"none of {money(-amount)} with the same type, operation, purpose and counterparty in the {NEGATIVE_DAYS} "
            f"days before that still stands. It counts as a {'debit' if row['trans_type'] == 'C' else 'credit'} of "
            f"{money(-amount)}."
        ),
    )


def left_unpaid(reversals: Iterable[PaymentReversal], again: Collection[tuple[int, date]]) -> list[PaymentReversal]:
    """The new reversals whose due date no other payment has paid.

    Parameters
    ----------
    again
        Result of `booked_again`.
    """
    return [r for r in new_ones(reversals) if not r.is_paid_otherwise and (r.due_id, r.trans_date) not in again]


def new_ones(reversals: Iterable[PaymentReversal]) -> list[PaymentReversal]:
    """The reversals of the night or history itself, without those of the look-back."""
    return [reversal for reversal in reversals if reversal.is_new]


def booked_again(reversals: Iterable[PaymentReversal], paid: Iterable[tuple[int, date]]) -> set[tuple[int, date]]:
    """Pairs of an order or loan and the day on which a payment was taken back and booked again.

    Only the amount of such a payment may differ.
    """
    return {(reversal.due_id, reversal.trans_date) for reversal in new_ones(reversals)} & set(paid)
