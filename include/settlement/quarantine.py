"""Takes quarantined postings into account: what an account misses may be among them, so that its breaks only warn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Self

import pyarrow as pa

from include.identifiers import named
from include.relations import FIN_TRANSACTION
from include.settlement.findings import Break

# Two months: within them an account has had its monthly postings twice, and its chain goes on from a day after them.
REFUSALS_KEPT_DAYS = 62
# A monthly payment may come half a month early and some days late.
PAYMENT_DAYS = 31

OF_WHAT_IS_MISSING = frozenset(
    {"balance_chain", "missed_standing_order", "missed_loan_payment", "missing_fee", "missing_interest"}
)
"""Codes of the checks whose breaks a posting in quarantine may explain."""


@dataclass
class Refusals:
    """Postings that were refused.

    Attributes
    ----------
    counts
        Number of refused records by night and account; the account is None where it could not be read.
    """

    counts: dict[tuple[date, int | None], int] = field(default_factory=dict)

    @classmethod
    def of_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Self:
        """The refusals in the rows of the state's table."""
        return cls({(row["refused_on"], row["account_id"]): row["record_count"] for row in rows})

    def rows(self) -> list[dict[str, Any]]:
        """The refusals as rows of the state's table."""
        ordered = sorted(self.counts.items(), key=lambda item: (item[0][0], item[0][1] is None, item[0][1] or 0))
        return [{"refused_on": day, "account_id": account, "record_count": n} for (day, account), n in ordered]

    def take(self, quarantined: pa.Table | None, night: date) -> None:
        """Add the refused postings up to `night`, and remove those that are too old to matter.

        Parameters
        ----------
        quarantined
            Refused records of one night or of a history (`QUARANTINE_SCHEMA`); those of other relations are ignored.
        """
        found: Counter[tuple[date, int | None]] = Counter()
        if quarantined is not None:
            columns = (quarantined[name].to_pylist() for name in ("night", "account_id", "relation"))
            rows = zip(*columns, strict=True)
            found.update((day, account) for day, account, name in rows if day and name == FIN_TRANSACTION.name)
        since = night - timedelta(REFUSALS_KEPT_DAYS)
        self.counts = {key: n for key, n in {**self.counts, **found}.items() if since < key[0] <= night}

    def excuse(self, found: Break, since: date) -> Break:
        """The break `found`, weakened where its account has postings in quarantine since a date.

        It becomes a warning, mentions them, and does not propose an insert, as the missing posting may lie there
        already. Postings whose account could not be read may belong to any account: they are mentioned, but one torn
        line does not turn the errors of a whole bank into warnings.
        """
        if found.code not in OF_WHAT_IS_MISSING:
            return found
        if found.account_id is None:
            return self._named_to_bank(found, since)
        known, unknown = self._since(found.account_id, since), self._since(None, since)
        if known:
            said = _of_account(found.account_id, known, since)
            return _without_insert(replace(found, severity="warn", text=f"{found.text} {said}"))
        return replace(found, text=f"{found.text} {_of_unknown(unknown, since)}") if unknown else found

    def _named_to_bank(self, found: Break, since: date) -> Break:
        """The break `found`, which concerns many accounts, with the number of all records in quarantine."""
        count = sum(n for (day, _), n in self.counts.items() if day >= since)
        return replace(found, text=f"{found.text} {_of_bank(count, since)}") if count else found

    def _since(self, account_id: int | None, since: date) -> int:
        return sum(n for (day, account), n in self.counts.items() if account == account_id and day >= since)


def _without_insert(found: Break) -> Break:
    if found.correction is None or found.correction.action != "insert":
        return found
    return replace(found, correction=None, proposal="")


def _of_account(account_id: int | None, count: int, since: date) -> str:
    return f"Account {named(account_id)} has {_records(count)} since {since}: {_first(count)}."


def _of_bank(count: int, since: date) -> str:
    return f"The bank has {_records(count)} since {since}: {_first(count)}."


def _of_unknown(count: int, since: date) -> str:
    return f"Of {_records(count)} since {since} the account could not be read: {_first(count)}."


def _records(count: int) -> str:
    return f"{count} quarantined record{'' if count == 1 else 's'}"


def _first(count: int) -> str:
    return f"what is missing here may {'be it' if count == 1 else 'be among them'}, so look there first"
