"""Settlement breaks, their proposed corrections, and the form of figures in their sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, get_args

import pyarrow as pa

from include.identifiers import masked, unmarked
from include.lake.tables import BREAKS_SCHEMA
from include.relations import MONEY

CheckCode = Literal[
    "balance_chain",
    "missed_standing_order",
    "standing_order_amount",
    "missed_loan_payment",
    "loan_payment_amount",
    "duplicate_posting",
    "fee_amount",
    "missing_fee",
    "interest_amount",
    "missing_interest",
    "card_without_card",
    "posted_before_opening",
    "unknown_reference",
    "unmatched_reversal",
]

CHECK_CODES: frozenset[str] = frozenset(get_args(CheckCode))
"""The codes of all checks."""

Severity = Literal["error", "warn"]

_MONEY_LIMIT_CENTS = 10**MONEY.precision
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_CODE_LENGTH = 24


@dataclass(frozen=True)
class Correction:
    """A change of one posting that would fix a break.

    Attributes
    ----------
    action
        Action: `set` a field, `delete` a posting or `insert` one.
    trans_id
        Number of the posting to change; None for an insert.
    field
        Field to set; `amount` for an insert; None for a delete.
    value
        Text of the right value. An inserted amount carries its sign: `-540.00` is a debit.
    """

    action: Literal["set", "delete", "insert"]
    trans_id: int | None
    field: str | None
    value: str | None


@dataclass(frozen=True)
class Break:
    """One thing that does not add up; money is in cents, None where the check is not about an amount.

    `proposal` describes `correction` in words. `subject` says what is missing where the break names no posting, or what
    the break is about besides its posting: two breaks of one check, account and posting differ in it. Identifiers in
    `text` and `proposal` are marked (`include.identifiers`).
    """

    code: CheckCode
    account_id: int | None
    trans_id: int | None
    text: str
    expected: int | None = None
    actual: int | None = None
    severity: Severity = "error"
    correction: Correction | None = None
    proposal: str = ""
    subject: str | None = None

    def row(self, night: date) -> dict[str, Any]:
        """The break as a row of `settlement_breaks`."""
        has_both = self.expected is not None and self.actual is not None
        sentence = f"{self.text} {self.proposal}".rstrip()
        return {
            "settlement_date": night,
            "account_id": self.account_id,
            "trans_id": self.trans_id,
            "check_code": self.code,
            "expected": _decimal(self.expected),
            "actual": _decimal(self.actual),
            "difference": _decimal((self.actual or 0) - (self.expected or 0)) if has_both else None,
            "severity": self.severity,
            "text": unmarked(sentence),
            "correction": None if self.correction is None else vars(self.correction),
            "subject": self.subject,
            "masked_text": masked(sentence),
        }


def breaks_table(night: date, breaks: Iterable[Break]) -> pa.Table:
    """The breaks of a night as rows of `BREAKS_SCHEMA`, in a fixed order whatever order they were found in."""
    ordered = sorted(breaks, key=lambda b: (b.code, b.account_id or 0, b.trans_id or 0, unmarked(b.text)))
    return pa.Table.from_pylist([b.row(night) for b in ordered], BREAKS_SCHEMA)


def _decimal(amount_cents: int | None) -> Decimal | None:
    """Cents as money; None beyond the column's range, where the sentence still gives the figure."""
    if amount_cents is None or abs(amount_cents) >= _MONEY_LIMIT_CENTS:
        return None
    return Decimal(amount_cents).scaleb(-2)


def plain(amount_cents: int) -> str:
    """Cents as a plain number.

    Examples
    --------
    >>> plain(-123450)
    '-1234.50'
    """
    return f"{Decimal(amount_cents).scaleb(-2):.2f}"


def cents(text: str) -> int:
    """The cents of a plain number.

    Examples
    --------
    >>> cents("-1234.50")
    -123450
    """
    return int(Decimal(text).scaleb(2))


def money(amount_cents: int) -> str:
    """Cents in the source's money, with thousands separators.

    Examples
    --------
    >>> money(-123456789)
    '-1,234,567.89'
    """
    return f"{Decimal(amount_cents).scaleb(-2):,.2f}"


def code_text(code: object) -> str:
    """A bank's or category's code without any character that is not a letter, a digit, `.`, `_` or `-`.

    Examples
    --------
    >>> code_text("<b>Y Z</b>")
    'bYZb'
    """
    return _UNSAFE.sub("", str(code))[:_CODE_LENGTH]
