"""Checks interest credits against the rate that the night's other accounts got; findings are only warnings."""

from __future__ import annotations

from datetime import date
from typing import Any

from include.identifiers import named
from include.settlement.findings import Break, money
from include.settlement.queries import NightTables

# A month's interest rests on a month's balances; 31 days hold the longest one.
MONTH_DAYS = 31
# A median over fewer accounts moves with single ones.
MIN_PEERS = 20
# Measured on 13 real months (7,167 credits): see tests/settlement/test_interest.py for how many this leaves.
LARGEST_MULTIPLE = 3


def check_interest(tables: NightTables, night: date, rounding_cents: int) -> list[Break]:
    """Breaks for interest that is a multiple of what the usual rate gives on the account's highest balance."""
    rows = tables.rows(
        "interest_amount",
        night=night,
        month_days=MONTH_DAYS,
        min_peers=MIN_PEERS,
        largest_multiple=LARGEST_MULTIPLE,
        rounding_cents=rounding_cents,
    )
    return [_break(row) for row in rows]


def _break(row: dict[str, Any]) -> Break:
    account_id, trans_id = row["account_id"], row["trans_id"]
    return Break(
        code="interest_amount",
        account_id=account_id,
        trans_id=trans_id,
        expected=row["expected_cents"],
        actual=row["actual_cents"],
        severity="warn",
        text=(
            f"Account {named(account_id)} was credited interest of {money(row['actual_cents'])} (posting "
            f"{named(trans_id)}); at the "
            f"usual rate of tonight's {row['peer_count']} accounts its highest balance of the month would have "
            f"earned {money(row['expected_cents'])}."
        ),
    )
