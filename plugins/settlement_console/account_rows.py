"""Rows about one account: its days, and the findings of those days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from plugins.settlement_console.records import Records, Row

_DAY = (
    *("settlement_date", "postings", "credits", "debits", "closing_balance", "flagged", "breaks"),
    "highest_score",
)
_FINDING = (
    *("settlement_date", "finding_id", "kind", "code", "severity", "trans_id", "amount", "text"),
    *("review_state", "reviewed_on"),
)


def account_days(records: Records, account: Any, first: date, last: date) -> list[Row]:  # noqa: ANN401 - a number or a pseudonym
    """The account's rows of `mart_account_days`, oldest first: days on which it has postings or breaks."""
    rows = records.rows("mart_account_days", first, last, _DAY, account_id=account)
    return sorted(rows, key=lambda row: row["settlement_date"])


def found_on(day: Row) -> int:
    """The number of findings of a row of `mart_account_days`."""
    return (day["flagged"] or 0) + (day["breaks"] or 0)


def account_findings(records: Records, account: Any, days: Sequence[Row]) -> list[Row]:  # noqa: ANN401 - as above
    """What was found on the account, newest first, rows of `mart_findings`.

    Only the files of nights on which there are some are opened.

    Parameters
    ----------
    days
        The account's days, as `account_days` gives them.
    """
    nights = [day["settlement_date"] for day in days if found_on(day)]
    rows = records.rows_of("mart_findings", nights, _FINDING, account_id=account)
    return sorted(rows, key=lambda row: row["settlement_date"], reverse=True)
