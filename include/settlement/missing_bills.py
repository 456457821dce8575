"""Breaks for monthly bills that did not come: account by account, or once where the bank did not bill at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import cache

from include.identifiers import named
from include.settlement.banking_days import GRACE_DAYS
from include.settlement.bill_runs import find_missed_runs
from include.settlement.due_dates import EARLY_DAYS
from include.settlement.fees import Tariff, read_tariffs
from include.settlement.findings import Break, Correction, code_text, money, plain
from include.settlement.monthly_bills import INTEREST, MissingBill
from include.settlement.queries import NightTables
from include.settlement.state import Closing

# At a fifth a year, more than banks have paid for long, a month's interest on less rounds to nothing.
LEAST_INTEREST_ROUNDINGS = 60


def check_missing_bills(
    tables: NightTables,
    missing: Iterable[MissingBill],
    chain: Mapping[int, Closing],
    rounding_cents: int,
    unit: str,
) -> list[Break]:
    """Breaks for fees and interest that did not come although they should; one break where most accounts had none.

    Parameters
    ----------
    chain
        Closings of the accounts' last posting days; empty where balances carry no information.
    unit
        Unit in which grace is counted, in words.
    """
    bills = list(missing)
    accounts = [bill.account_id for bill in bills]
    frequencies = dict(tables.tuples("frequencies", accounts=accounts)) if accounts else {}
    owed = [
        bill
        for bill in bills
        if not _is_excused(bill, chain.get(bill.account_id), frequencies.get(bill.account_id), rounding_cents)
    ]
    tariffs = cache(lambda since: read_tariffs(tables, since))
    breaks: list[Break] = []
    told = {bill: _missing(bill, tariffs, unit) for bill in owed}
    for run in find_missed_runs(tables, bills, owed):
        is_error = "error" in {told.pop(bill).severity for bill in run.bills}
        breaks.append(run.as_break(unit, "error" if is_error else "warn"))
    return [*told.values(), *breaks]


def _is_excused(bill: MissingBill, closing: Closing | None, frequency: str | None, rounding_cents: int) -> bool:
    """Whether the account earns no interest, or owes no fee."""
    return _earns_nothing(closing, rounding_cents) if bill.category == INTEREST else _is_free(bill, closing, frequency)


def _missing(bill: MissingBill, tariffs: Callable[[date], Mapping[str | None, Tariff]], unit: str) -> Break:
    if bill.category == INTEREST:
        return _missing_interest(bill, unit)
    # The tariff is what the others were charged this time, as last month's may be outdated.
    return _missing_fee(bill, tariffs(bill.due - timedelta(EARLY_DAYS)).get(bill.frequency), unit)


def _earns_nothing(closing: Closing | None, rounding_cents: int) -> bool:
    """Whether the account's balance, where it is known, is too low to earn a month's interest."""
    if closing is None or not closing.balances:
        return False
    return max(closing.balances) < LEAST_INTEREST_ROUNDINGS * rounding_cents


def _is_free(bill: MissingBill, closing: Closing | None, frequency: str | None) -> bool:
    """Whether an account owes no fee: its terms changed, it was closed, or it pays per transaction and had none."""
    if frequency != bill.frequency:
        return True
    if closing is None:
        return False
    is_quiet = closing.closed_on <= bill.paid_on
    return _is_closed(bill, closing) or (is_quiet and frequency == "T")


def _is_closed(bill: MissingBill, closing: Closing) -> bool:
    """Whether an account was emptied before the bill was due, with no posting since.

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
        text=f"Account {named(bill.account_id)} was not charged the statement fee {_since(bill, unit)}{peers}",
        subject=f"fee due {bill.due}",
    )


def _missing_interest(bill: MissingBill, unit: str) -> Break:
    return Break(
        code="missing_interest",
        account_id=bill.account_id,
        trans_id=None,
        severity="warn",
        text=f"Account {named(bill.account_id)} was not credited the interest {_since(bill, unit)}",
        subject=f"interest due {bill.due}",
    )


def _since(bill: MissingBill, unit: str) -> str:
    return (
        f"due on {bill.due}: it had not been booked {GRACE_DAYS} {unit} later, though each of the "
        f"{bill.months_in_row} months before had one, the last on {bill.paid_on}."
    )


def _frequency(bill: MissingBill) -> str:
    return code_text(bill.frequency or "none")
