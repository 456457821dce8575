"""Detects postings of one night that are the same in everything except their number."""

from __future__ import annotations

from typing import Any

from include.identifiers import named
from include.settlement.balance_chain import ChainFindings
from include.settlement.findings import Break, Correction, Severity, money
from include.settlement.queries import NightTables

# Measured: accounts with two interest lines get the same interest twice a month, 31 times in 13 real months.
_INTEREST = frozenset({"IC", "IO"})


def check_duplicates(tables: NightTables, chains: ChainFindings, *, balances_tell: bool) -> list[Break]:
    """Breaks for the repeated postings of the night.

    Parameters
    ----------
    chains
        Findings from the night's balance chains; empty where balances carry no information.
    balances_tell
        Whether equal balances carry information; they do not where every posting has the same one.

    Notes
    -----
    A repetition is an error when the chain closes only without it. Equal postings that the balances need are two real
    postings: people do pay the same twice a day (12 cash pairs in 13 real months), so that these are only warnings.
    Where the balances cannot decide, two transfers to one counterparty, or equal balances after both postings, are an
    error, and equal cash postings are a warning. Equal interest that chains is ordinary.
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
            f"Posting {named(trans_id)} of {money(row['amount_cents'])} on account {named(account_id)} repeats posting "
            f"{named(row['first_trans_id'])} of the same day in type, operation, amount, purpose and "
            f"counterparty{balances}.{both}"
        ),
    )
