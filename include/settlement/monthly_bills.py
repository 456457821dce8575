"""Tracks what the bank books to an account every month, and detects a fee or interest that did not come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from include.relations import DATE
from include.settlement.banking_days import BankingDays
from include.settlement.due_dates import EARLY_DAYS
from include.settlement.queries import NightTables
from include.settlement.state import BILLS_SCHEMA, SettlementState

FEE, INTEREST = "ST", "IC"
# As for standing orders. On the real relations no account with a fee or interest once had a month without, among
# 3,701 fees and 7,167 credits; accounts get their first fee when they begin to pay by order, 156 days after opening.
MONTHS_TO_COUNT = 2


@dataclass(frozen=True)
class MissingBill:
    """A bill that did not come: its account, its kind and the bill before."""

    account_id: int
    category: str
    paid_on: date
    months_in_row: int
    frequency: str | None
    due: date


def move_bills(
    tables: NightTables, state: SettlementState, days: Iterable[date], banking_days: BankingDays, last: date
) -> list[MissingBill]:
    """Advance the bills in `state` through the postings up to the end of `last`, and return the missing ones.

    A bill is reported missing once, on the night on which its grace ends; nothing more is expected until it has come
    again for months.

    Parameters
    ----------
    days
        Dates of the postings.
    """
    eves = {day: banking_days.passed(max(day, date.min + timedelta(1)) - timedelta(1)) for day in days}
    grace = {"day": pa.array(eves.keys(), DATE), "passed": pa.array(eves.values(), DATE)}
    tables.put("bills", state.bills)
    tables.put("grace", pa.table(grace))
    moved = tables.table("monthly_bills", early_days=EARLY_DAYS)
    over = pc.less_equal(moved["due"], pa.scalar(banking_days.passed(last), DATE))
    state.bills = moved.filter(pc.invert(over)).select(BILLS_SCHEMA.names).cast(BILLS_SCHEMA)
    gone = moved.filter(pc.and_(over, pc.greater_equal(moved["months_in_row"], MONTHS_TO_COUNT)))
    return [MissingBill(**row) for row in gone.to_pylist()]
