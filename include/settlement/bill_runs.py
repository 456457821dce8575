"""Bills that most of the accounts that had them miss at once: the bank has not billed, so it is one finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from include.settlement.banking_days import GRACE_DAYS
from include.settlement.findings import Break, code_text, money
from include.settlement.monthly_bills import FEE, MissingBill
from include.settlement.queries import NightTables

# A single account may miss a bill for any reason; five of them, and most of those billed with them, have one in common.
FEWEST_ACCOUNTS = 5
# Enough to look the cause up, and all of them where the fewest miss it.
NAMED_ACCOUNTS = 5


@dataclass(frozen=True)
class LastBill:
    """What an account was billed the last time; money in cents, unsigned."""

    frequency: str | None
    paid_cents: int


@dataclass(frozen=True)
class MissedRun:
    """A bill that most accounts miss.

    Attributes
    ----------
    bills
        Those missing, by account.
    billed
        Account -> its last bill, of all that should have had one now.
    kind
        Which accounts are meant, as the sentence adds to the word; empty for the whole bank.
    """

    bills: Sequence[MissingBill]
    billed: Mapping[int, LastBill]
    kind: str

    def as_break(self, unit: str, severity: Literal["error", "warn"]) -> Break:
        """The finding, of the bank and not of an account; what is missing is what these accounts had the last time."""
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
            text=(
                f"{len(accounts):,} of {len(self.billed):,} accounts{self.kind} were not {what} due on {first.due}: it "
                f"had not been booked {GRACE_DAYS} {unit} later. The last time it came to {money(missing)} in all. The "
                f"first of them: {', '.join(map(str, accounts[:NAMED_ACCOUNTS]))}."
            ),
        )


def find_missed_runs(
    tables: NightTables, missing: Iterable[MissingBill], owed: Sequence[MissingBill]
) -> list[MissedRun]:
    """Bills that most of the bank's accounts miss, or else most of a statement frequency's.

    Parameters
    ----------
    missing
        All that did not come.
    owed
        Those of them that should have.
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
    """The whole bank's, where most of it misses the bill, else those of the frequencies where most do."""
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
