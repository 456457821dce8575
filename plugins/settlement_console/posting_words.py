"""Postings in words: what they are, and how their money moved."""

from __future__ import annotations

from decimal import Decimal

from plugins.settlement_console.records import Row

REVERSAL = "reversal of an earlier posting"
Party = tuple[str, str | None]
"""Counterparty and bank, as the view has them."""

_IN_CASH = frozenset({"CIC", "WIC", "CCW"})
"""Operations in cash or by card, which have no counterparty; masked, the 0 that an export writes there is not seen."""


def posting_name(posting: Row) -> str:
    """What a posting is, in the words of the findings' sentences: "cash withdrawal", "household payment".

    Parameters
    ----------
    posting
        Row of `fin_transaction`, full or masked.
    """
    from include.explaining.words.wording import wording

    return REVERSAL if posting["reverses"] is not None else wording(posting_kind(posting)).name


def posting_kind(posting: Row) -> str:
    """The kind of a posting, `direction:operation:category`, as the features have it."""
    is_credit = (posting["trans_type"] == "C") != (posting["amount"] < 0)
    if posting["reverses"] is not None:
        return f"{_direction(is_credit=is_credit)}:-:-"
    return f"{_direction(is_credit=is_credit)}:{posting['operation'] or '-'}:{posting['category'] or '-'}"


def signed_amount(posting: Row) -> Decimal:
    """The amount with the sign that it has for the balance: what comes in is positive."""
    amount: Decimal = posting["amount"]
    return amount if posting["trans_type"] == "C" else -amount


def party_of(row: Row) -> Party | None:
    """The counterparty and bank of a posting; None where it names none, which some exports write as 0."""
    counterparty = row["counterparty"]
    is_none = counterparty in (None, "", "0") or row["operation"] in _IN_CASH
    return None if is_none else (counterparty, row["other_bank_id"])


def _direction(*, is_credit: bool) -> str:
    return "in" if is_credit else "out"
