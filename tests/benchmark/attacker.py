"""Whom an attacker singles out in masked postings, who knows the exact amount and the date of one posting of a person.

`python -m tests.benchmark.attacker` prints it for one real night and for the real thirteen months, with money as it is
and rounded to steps of `ADS_MASKED_AMOUNT_STEP`. The attacker knows the step, and looks for the rounded amount.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from include.lake.tables import TABLES
from include.masking.keys import NameKeys
from include.masking.tables import MASKED_TABLES, Masker
from tests.benchmark.banks import real_bank
from tests.benchmark.results import markdown

NIGHT = date(1994, 1, 31)
"""The last night of the real data: a month's end, on which interest is credited to nearly every account."""
STEPS = (0, 100, 1000)
_POSTINGS = "fin_transaction"


@dataclass(frozen=True)
class SingledOut:
    """How many accounts, and by how many postings, are the only ones with an amount on a date.

    Attributes
    ----------
    accounts, postings
        Accounts and postings of the masked table.
    found_accounts
        Accounts with at least one posting that leads to them alone.
    found_postings
        Postings that lead to one account alone.
    """

    accounts: int
    postings: int
    found_accounts: int
    found_postings: int

    @property
    def percentages(self) -> tuple[float, float]:
        """Share of accounts and of postings, in percent; no table is without rows."""
        return 100 * self.found_accounts / self.accounts, 100 * self.found_postings / self.postings


def singled_out(masked: pa.Table) -> SingledOut:
    """Whom date and amount of one posting single out.

    A posting leads to one account where no other account has a posting of that date and amount; the account's own may
    be several.

    Parameters
    ----------
    masked
        Masked postings: `account_id`, `trans_date` and `amount`.
    """
    accounts = masked["account_id"].to_pylist()
    known = list(zip(masked["trans_date"].to_pylist(), masked["amount"].to_pylist(), strict=True))
    candidates: dict[object, set[str]] = defaultdict(set)
    for what, account in zip(known, accounts, strict=True):
        candidates[what].add(account)
    found = [account for what, account in zip(known, accounts, strict=True) if len(candidates[what]) == 1]
    return SingledOut(len(set(accounts)), len(accounts), len(set(found)), len(found))


def masked_postings(postings: pa.Table, step: int) -> pa.Table:
    """The masked table of some postings as a night writes it, under keys of its own.

    Parameters
    ----------
    postings
        Accepted postings.
    step
        Step that money is rounded to; 0 for money as it is.
    """
    keys = NameKeys.fresh()
    return Masker(keys, keys.current, {}, {}, step).masked(TABLES[_POSTINGS], postings, MASKED_TABLES[_POSTINGS])


def main() -> None:
    """Measure, and print a table for docs/downstream.md."""
    postings = real_bank().bank.postings
    night = postings.filter(pc.equal(postings["settlement_date"], pa.scalar(NIGHT)))
    rows = [
        _row(what, step, singled_out(masked_postings(known, step)))
        for what, known in ((f"night {NIGHT}", night), ("thirteen months", postings))
        for step in STEPS
    ]
    header = ["postings of", "step", "accounts", "postings", "% of accounts", "% of postings"]
    print(markdown("Singled out by date and amount", header, rows))


def _row(what: str, step: int, found: SingledOut) -> list[object]:
    return [what, step, found.accounts, found.postings, *found.percentages]


if __name__ == "__main__":
    main()
