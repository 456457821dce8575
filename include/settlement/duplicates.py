"""Postings of one night that are the same in all but their number."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Literal

from include.settlement.findings import Break, Correction, money
from include.settlement.queries import NightTables

# Measured: accounts with two interest lines get the same interest twice a month, 31 times in 13 real months.
_INTEREST = frozenset({"IC", "IO"})


def check_duplicates(tables: NightTables, deletable: Container[int], *, balances_tell: bool) -> list[Break]:
    """Repeated postings of the night.

    Parameters
    ----------
    deletable
        Postings without which their account-day closes while it does not with them.
    balances_tell
        Whether equal balances say anything; where every posting has the same one they do not.

    Notes
    -----
    A transfer twice to one counterparty, an equal balance after both, or a chain that only closes without one of
    them is an error. Two equal cash postings that chain do happen (12 times in 13 real months): a warning. Equal
    interest that chains is ordinary.
    """
    rows = tables.rows("duplicate_postings", balances_tell=balances_tell)
    found = [(row, _severity(row, row["trans_id"] in deletable)) for row in rows]
    return [_break(row, severity) for row, severity in found if severity is not None]


def _severity(row: dict[str, Any], is_deletable: bool) -> Literal["error", "warn"] | None:
    if is_deletable or row["has_equal_balance"] or row["is_transfer"]:
        return "error"
    return None if row["category"] in _INTEREST else "warn"


def _break(row: dict[str, Any], severity: Literal["error", "warn"]) -> Break:
    trans_id, account_id = row["trans_id"], row["account_id"]
    is_error = severity == "error"
    balances = " and leaves the same balance" if row["has_equal_balance"] else ""
    return Break(
        code="duplicate_posting",
        account_id=account_id,
        trans_id=trans_id,
        expected=0,
        actual=row["amount_cents"],
        severity=severity,
        correction=Correction("delete", trans_id, None, None) if is_error else None,
        text=(
            f"Posting {trans_id} of {money(row['amount_cents'])} on account {account_id} repeats posting "
            f"{row['first_trans_id']} of the same day in type, operation, amount, purpose and counterparty{balances}."
        ),
    )
