"""Detects bills that most accounts miss at once: the bank has not billed, so that this is one finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from include.identifiers import named
from include.settlement.banking_days import GRACE_DAYS
from include.settlement.findings import Break, code_text, money
from include.settlement.monthly_bills import FEE, MissingBill
from include.settlement.queries import NightTables

# A single account may miss a bill for any reason; five accounts, and most of those billed with them, share a cause.
FEWEST_ACCOUNTS = 5
# Number of accounts named: enough to find the cause, and all of them where the fewest accounts miss the bill.
NAMED_ACCOUNTS = 5


@dataclass(frozen=True)
class LastBill:
    """The last bill of an account; money is in cents, without a sign."""

    frequency: str | None
    paid_cents: int


@dataclass(frozen=True)
class MissedRun:
    """A bill that most accounts miss.

    Attributes
    ----------
    bills
        Missing bills, ordered by account.
    billed
        Last bill of each account that should have had one now, by account.
    kind
        Words that say which accounts are meant; empty for the whole bank.
    """

    bills: Sequence[MissingBill]
    billed: Mapping[int, LastBill]
    kind: str

    def as_break(self, unit: str, severity: Literal["error", "warn"]) -> Break:
        """The run as a finding about the bank, not about an account; its amount is that of the accounts' last bills."""
        first = self.bills[0]
        accounts = [bill.account_id for bill in self.bills]
        missing = sum(self.billed[account].paid_cents for account in accounts if account in self.billed)
        what = "charged the statement fee" if first.category == FEE else "credited the interest"
        return Break(
            code="missing_fee" if first.category == FEE else "missing_interest",
            account_id=None,
            trans_id=None,
            expected=missing,
            actual=0,
            severity=severity,
            subject=f"bills due {first.due}{self.kind}",
            text=(
                f"{len(accounts):,} of {len(self.billed):,} accounts{self.kind} were not {what} due on {first.due}: it "
                f"had not been booked {GRACE_DAYS} {unit} later. The last time it came to {money(missing)} in all. The "
                f"first of them: {', '.join(map(named, accounts[:NAMED_ACCOUNTS]))}."
            ),
        )


def find_missed_runs(
    tables: NightTables, missing: Iterable[MissingBill], owed: Sequence[MissingBill]
) -> list[MissedRun]:
    """Bills that most of the bank's accounts miss, or else most of a statement frequency's.

    Parameters
    ----------
    missing
        All bills that did not come.
    owed
        Missing bills that should have come.
    """
    if len(owed) < FEWEST_ACCOUNTS:
        return []
    excused = {(bill.category, bill.account_id) for bill in set(missing) - set(owed)}
    last = _last_bills(tables, owed)
    runs: list[MissedRun] = []
    for category, bills in _same_bill(owed):
        days = {bill.paid_on for bill in bills}
        billed = {
            account: bill
            for (kind, account, day), bill in last.items()
            if kind == category and day in days and (kind, account) not in excused
        }
        runs += _runs(bills, billed)
    return runs


def _same_bill(owed: Iterable[MissingBill]) -> Iterator[tuple[str, list[MissingBill]]]:
    groups: dict[tuple[str, date], list[MissingBill]] = defaultdict(list)
    for bill in owed:
        groups[bill.category, bill.due].append(bill)
    for (category, _), bills in groups.items():
        yield category, sorted(bills, key=lambda bill: bill.account_id)


def _last_bills(tables: NightTables, owed: Iterable[MissingBill]) -> dict[tuple[str, int, date], LastBill]:
    days = sorted({bill.paid_on for bill in owed})
    rows = tables.tuples("last_bills", days=days)
    return {(kind, account, day): LastBill(frequency, cents) for account, kind, day, frequency, cents in rows}


def _runs(bills: Sequence[MissingBill], billed: Mapping[int, LastBill]) -> Iterator[MissedRun]:
    """The run of the whole bank where most accounts miss the bill, else the runs of the frequencies where most do."""
    if _is_most(bills, billed):
        yield MissedRun(bills, billed, "")
        return
    for frequency in sorted({bill.frequency or "" for bill in bills}):
        of_kind = [bill for bill in bills if (bill.frequency or "") == frequency]
        billed_of_kind = {account: bill for account, bill in billed.items() if (bill.frequency or "") == frequency}
        if _is_most(of_kind, billed_of_kind):
            kind = f" with statement frequency {code_text(frequency or 'none')}"
            yield MissedRun(of_kind, billed_of_kind, kind)


def _is_most(bills: Sequence[MissingBill], billed: Mapping[int, LastBill]) -> bool:
    return len(bills) >= FEWEST_ACCOUNTS and 2 * len(bills) > len(billed.keys() | {b.account_id for b in bills})
