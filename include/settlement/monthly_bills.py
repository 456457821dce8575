"""What the bank books to an account every month: a fee or interest that came in every month before, and now did not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from include.relations import DATE
from include.settlement.banking_days import GRACE_DAYS, BankingDays
from include.settlement.due_dates import EARLY_DAYS
from include.settlement.fees import Tariff, read_tariffs
from include.settlement.findings import Break, Correction, code_text, money, plain
from include.settlement.queries import NightTables
from include.settlement.state import BILLS_SCHEMA, Closing, SettlementState

FEE, INTEREST = "ST", "IC"
# As for standing orders. On the real relations no account with a fee or interest once had a month without, among
# 3,701 fees and 7,167 credits; accounts get their first fee when they begin to pay by order, 156 days after opening.
MONTHS_TO_COUNT = 2
# At a fifth a year, more than banks have paid for long, a month's interest on less rounds to nothing.
LEAST_INTEREST_ROUNDINGS = 60


@dataclass(frozen=True)
class MissingBill:
    """A bill that did not come: whose, of which kind, and what came before."""

    account_id: int
    category: str
    paid_on: date
    months_in_row: int
    frequency: str | None
    due: date


def move_bills(
    tables: NightTables, state: SettlementState, days: Iterable[date], banking_days: BankingDays, last: date
) -> list[MissingBill]:
    """Move the bills in `state` through the postings up to the end of `last`, and give what is missing since.

    A bill is missing on the one night on which its grace ends; until it comes again for months, nothing is expected.

    Parameters
    ----------
    days
        The postings' dates.
    """
    eves = {day: banking_days.passed(max(day, date.min + timedelta(1)) - timedelta(1)) for day in days}
    grace = {"day": pa.array(eves.keys(), DATE), "passed": pa.array(eves.values(), DATE)}
    moved = tables.table("monthly_bills", {"bills": state.bills, "grace": pa.table(grace)}, early_days=EARLY_DAYS)
    over = pc.less_equal(moved["due"], pa.scalar(banking_days.passed(last), DATE))
    state.bills = moved.filter(pc.invert(over)).select(BILLS_SCHEMA.names).cast(BILLS_SCHEMA)
    gone = moved.filter(pc.and_(over, pc.greater_equal(moved["months_in_row"], MONTHS_TO_COUNT)))
    return [MissingBill(**row) for row in gone.to_pylist()]


def check_missing_bills(
    tables: NightTables,
    missing: Iterable[MissingBill],
    chain: Mapping[int, Closing],
    rounding_cents: int,
    unit: str,
) -> list[Break]:
    """Fees and interest that did not come, of accounts that should have had them.

    Parameters
    ----------
    chain
        How their last posting days ended; empty where balances tell nothing.
    unit
        What grace is counted in.
    """
    bills = list(missing)
    accounts = [bill.account_id for bill in bills]
    frequencies = dict(tables.tuples("frequencies", accounts=accounts)) if accounts else {}
    tariffs = cache(lambda since: read_tariffs(tables, since))
    breaks: list[Break] = []
    for bill in bills:
        closing = chain.get(bill.account_id)
        if bill.category == INTEREST and not _earns_nothing(closing, rounding_cents):
            breaks.append(_missing_interest(bill, unit))
        if bill.category == FEE and not _is_free(bill, closing, frequencies.get(bill.account_id)):
            # What the others were charged this time: a tariff of last month may be an old one.
            since = bill.due - timedelta(EARLY_DAYS)
            breaks.append(_missing_fee(bill, tariffs(since).get(bill.frequency), unit))
    return breaks


def _earns_nothing(closing: Closing | None, rounding_cents: int) -> bool:
    """Whether the account's balance, where it is known, is too low to earn a month's interest."""
    if closing is None or not closing.balances:
        return False
    return max(closing.balances) < LEAST_INTEREST_ROUNDINGS * rounding_cents


def _is_free(bill: MissingBill, closing: Closing | None, frequency: str | None) -> bool:
    """Whether an account owes no fee: its terms changed, it was closed, or it pays by transaction and had none."""
    if frequency != bill.frequency:
        return True
    if closing is None:
        return False
    is_quiet = closing.closed_on <= bill.paid_on
    return _is_closed(bill, closing) or (is_quiet and frequency == "T")


def _is_closed(bill: MissingBill, closing: Closing) -> bool:
    """Whether an account was emptied before the bill was due, and nothing has been booked on it since.

    Where its last balance is unknown, it counts as closed only if nothing came after the last bill.
    """
    if not closing.balances:
        return closing.closed_on <= bill.paid_on
    return closing.closed_on < bill.due and max(closing.balances) <= 0


def _missing_fee(bill: MissingBill, tariff: Tariff | None, unit: str) -> Break:
    cents = None if tariff is None else tariff.tariff_cents
    peers = "" if cents is None else f" Other accounts with statement frequency {_frequency(bill)} pay {money(cents)}."
    return Break(
        code="missing_fee",
        account_id=bill.account_id,
        trans_id=None,
        expected=cents,
        actual=None if cents is None else 0,
        severity="warn" if cents is None else "error",
        correction=None if cents is None else Correction("insert", None, "amount", plain(-cents)),
        text=f"Account {bill.account_id} was not charged the statement fee {_since(bill, unit)}{peers}",
    )


def _missing_interest(bill: MissingBill, unit: str) -> Break:
    return Break(
        code="missing_interest",
        account_id=bill.account_id,
        trans_id=None,
        severity="warn",
        text=f"Account {bill.account_id} was not credited the interest {_since(bill, unit)}",
    )


def _since(bill: MissingBill, unit: str) -> str:
    return (
        f"due on {bill.due}: it had not been booked {GRACE_DAYS} {unit} later, though each of the "
        f"{bill.months_in_row} months before had one, the last on {bill.paid_on}."
    )


def _frequency(bill: MissingBill) -> str:
    return code_text(bill.frequency or "none")
