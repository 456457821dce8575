"""Detects postings and static rows that refer to nothing, precede their account, or need a card that does not exist."""

from __future__ import annotations

from datetime import date
from typing import Any

from include.identifiers import named
from include.settlement.findings import Break
from include.settlement.queries import NightTables

_TARGETS = {
    "account": "fin_account",
    "client": "fin_client",
    "disposition": "fin_disposition",
    "district": "fin_district",
}
"""Relation in which each reference of a static row is looked up, by the reference in words."""


def check_unknown_accounts(tables: NightTables) -> list[Break]:
    """Breaks for the postings of the night on accounts that the bank does not know."""
    return [
        Break(
            code="unknown_reference",
            account_id=row["account_id"],
            trans_id=row["trans_id"],
            text=(
                f"Posting {named(row['trans_id'])} is booked on account {named(row['account_id'])}, which "
                "the bank does not know."
            ),
        )
        for row in tables.rows("unknown_accounts")
    ]


def check_unknown_references(tables: NightTables, night: date) -> list[Break]:
    """Breaks for static rows that refer to nothing, reported once, on the night from which they count.

    Rows without a date of their own count from their account's opening (dispositions and their clients). A disposition
    or an order without an account has no such night and shows only when a posting refers to it.
    """
    known_kinds = [kind for kind, relation in _TARGETS.items() if tables.has(relation)]
    rows = tables.rows("unknown_references", night=night, known_kinds=known_kinds)
    return [_reference(row, night) for row in rows]


def _reference(row: dict[str, Any], night: date) -> Break:
    return Break(
        code="unknown_reference",
        account_id=row["account_id"],
        trans_id=None,
        subject=f"{row['row_kind']} {row['row_id']} refers to {row['target_kind']} {row['target_id']}",
        text=(
            f"{row['row_kind'].capitalize()} {named(row['row_id'])}, valid from {night}, refers to "
            f"{row['target_kind']} "
            f"{named(row['target_id'])}, which the bank does not know."
        ),
    )


def check_before_opening(tables: NightTables) -> list[Break]:
    """Breaks for the postings of the night that are dated before their account was opened."""
    return [
        Break(
            code="posted_before_opening",
            account_id=row["account_id"],
            trans_id=row["trans_id"],
            text=(
                f"Posting {named(row['trans_id'])} of {row['trans_date']} is booked on account "
                f"{named(row['account_id'])}, "
                f"which was opened only on {row['create_date']}."
            ),
        )
        for row in tables.rows("posted_before_opening")
    ]


def check_cards(tables: NightTables) -> list[Break]:
    """Breaks for the card withdrawals of the night on accounts without a card issued by then."""
    return [
        Break(
            code="card_without_card",
            account_id=row["account_id"],
            trans_id=row["trans_id"],
            text=(
                f"Posting {named(row['trans_id'])} is a card withdrawal on account "
                f"{named(row['account_id'])}, {_why(row)}."
            ),
        )
        for row in tables.rows("card_without_card")
    ]


def _why(row: dict[str, Any]) -> str:
    issued = row["first_issued_date"]
    return "which has no card" if issued is None else f"whose first card was issued only on {issued}"
