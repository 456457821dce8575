"""Postings of one night that are the same in all but their number."""

from __future__ import annotations

from typing import Any

from include.settlement.balance_chain import ChainFindings
from include.settlement.findings import Break, Correction, Severity, money
from include.settlement.queries import NightTables

# Measured: accounts with two interest lines get the same interest twice a month, 31 times in 13 real months.
_INTEREST = frozenset({"IC", "IO"})


def check_duplicates(tables: NightTables, chains: ChainFindings, *, balances_tell: bool) -> list[Break]:
    """Repeated postings of the night.

    Parameters
    ----------
    chains
        What the night's chains say; nothing where the balances tell nothing.
    balances_tell
        Whether equal balances say anything; where every posting has the same one they do not.

    Notes
    -----
    A chain that only closes without one of them is an error. Equal postings that the balances need are two
    postings: people do pay the same twice a day (12 cash pairs in 13 real months), so they only warn. Where the
    balances cannot say, a transfer twice to one counterparty or an equal balance after both is an error, and equal
    cash warns. Equal interest that chains is ordinary.
    """
    rows = tables.rows("duplicate_postings", balances_tell=balances_tell)
    found = [(row, _severity(row, chains), chains.chains(row["account_id"], row["trans_id"])) for row in rows]
    return [_break(row, severity, chains=chained) for row, severity, chained in found if severity is not None]


def _severity(row: dict[str, Any], chains: ChainFindings) -> Severity | None:
    if row["trans_id"] in chains.deletable:
        return "error"
    is_suspect = row["has_equal_balance"] or row["is_transfer"]
    if is_suspect and not chains.chains(row["account_id"], row["trans_id"]):
        return "error"
    return None if row["category"] in _INTEREST else "warn"


def _break(row: dict[str, Any], severity: Severity, *, chains: bool) -> Break:
    trans_id, account_id = row["trans_id"], row["account_id"]
    is_error = severity == "error"
    balances = " and leaves the same balance" if row["has_equal_balance"] else ""
    both = " The balances need both." if chains and not is_error else ""
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
            f"{row['first_trans_id']} of the same day in type, operation, amount, purpose and "
            f"counterparty{balances}.{both}"
        ),
    )
