"""Postings and static rows that point to nowhere, come before their account, or need a card that is not there."""

from __future__ import annotations

from datetime import date
from typing import Any

from include.settlement.findings import Break
from include.settlement.queries import NightTables

_TARGETS = {
    "account": "fin_account",
    "client": "fin_client",
    "disposition": "fin_disposition",
    "district": "fin_district",
}
"""What a static row may refer to, in words, and where it is looked up."""


def check_unknown_accounts(tables: NightTables) -> list[Break]:
    """Postings of the night on accounts the bank does not know."""
    return [
        Break(
            code="unknown_reference",
            account_id=row["account_id"],
            trans_id=row["trans_id"],
            text=f"Posting {row['trans_id']} is booked on account {row['account_id']}, which the bank does not know.",
        )
        for row in tables.rows("unknown_accounts")
    ]


def check_unknown_references(tables: NightTables, night: date) -> list[Break]:
    """Static rows that point to nowhere, reported once: on the night they count from.

    Rows without a date of their own count with their account's opening (dispositions and their clients); a
    disposition without an account and an order without one have no such night and show when a posting does.
    """
    known_kinds = [kind for kind, relation in _TARGETS.items() if tables.has(relation)]
    rows = tables.rows("unknown_references", night=night, known_kinds=known_kinds)
    return [_reference(row, night) for row in rows]


def _reference(row: dict[str, Any], night: date) -> Break:
    return Break(
        code="unknown_reference",
        account_id=row["account_id"],
        trans_id=None,
        text=(
            f"{row['row_kind'].capitalize()} {row['row_id']}, valid from {night}, refers to {row['target_kind']} "
            f"{row['target_id']}, which the bank does not know."
        ),
    )


def check_before_opening(tables: NightTables) -> list[Break]:
    """Postings of the night dated before their account was opened."""
    return [
        Break(
            code="posted_before_opening",
            account_id=row["account_id"],
            trans_id=row["trans_id"],
            text=(
                f"Posting {row['trans_id']} of {row['trans_date']} is booked on account {row['account_id']}, "
                f"which was opened only on {row['create_date']}."
            ),
        )
        for row in tables.rows("posted_before_opening")
    ]


def check_cards(tables: NightTables) -> list[Break]:
    """Card withdrawals of the night on accounts without a card issued by then."""
    return [
        Break(
            code="card_without_card",
            account_id=row["account_id"],
            trans_id=row["trans_id"],
            text=f"Posting {row['trans_id']} is a card withdrawal on account {row['account_id']}, {_why(row)}.",
        )
        for row in tables.rows("card_without_card")
    ]


def _why(row: dict[str, Any]) -> str:
    issued = row["first_issued_date"]
    return "which has no card" if issued is None else f"whose first card was issued only on {issued}"
