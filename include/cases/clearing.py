"""Finds postings that may have cleared a break since: the missing one that came late, or the reversal of a double.

Such a break is proposed for closing; a person closes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from include.cases.showing import cents_of
from include.cases.summaries import sum_up
from include.cases.tables import EVENTS, FINDINGS, Row
from include.cases.terms import EventKind
from include.identifiers import named
from include.lake import Lake
from include.settlement.findings import cents

CLEARS_WITHIN_DAYS = 21
"""Days after a break in which a posting of the missing amount may be the missing one: what is due monthly comes again
after 28 days at the earliest, and is then the next one. A decision."""
_COLUMNS = ("trans_id", "account_id", "trans_type", "amount", "reverses")
_CREDIT = "C"


def clear_breaks(connection: sa.Connection, lake: Lake, night: date, now: datetime) -> None:
    """Propose breaks of earlier nights for closing that a posting of this night may have cleared."""
    waiting = _waiting(connection, night)
    if not waiting:
        return
    postings = _postings(lake, night, {row["account_id"] for row in waiting})
    cleared = [*_matches(waiting, postings)]
    for row, posting in cleared:
        said = _sentence(row, posting, night)
        connection.execute(
            sa.update(FINDINGS).where(FINDINGS.c.finding_id == row["finding_id"]).values(cleared_by=said)
        )
        event = {"case_id": row["case_id"], "at": now, "who": "", "kind": EventKind.CLEARED.value, "note": ""}
        told = f"A posting of {night} may have cleared {row['code'].replace('_', ' ')}: see whether it can be closed."
        connection.execute(sa.insert(EVENTS), {**event, "text": told})
    sum_up(connection, {row["case_id"] for row, _ in cleared})


def _waiting(connection: sa.Connection, night: date) -> list[Row]:
    """Undecided breaks that an inserted posting or a reversal would mend, the oldest first."""
    query = sa.select(FINDINGS).where(
        FINDINGS.c.correction.is_not(None),
        FINDINGS.c.gone_at.is_(None),
        ~FINDINGS.c.is_settled,
        FINDINGS.c.cleared_by.is_(None),
        FINDINGS.c.account_id.is_not(None),
        FINDINGS.c.settlement_date < night,
        FINDINGS.c.settlement_date >= night - timedelta(CLEARS_WITHIN_DAYS),
    )
    return [*connection.execute(query.order_by(FINDINGS.c.settlement_date, FINDINGS.c.finding_id)).mappings()]


def _postings(lake: Lake, night: date, accounts: Iterable[int]) -> list[dict[str, Any]]:
    rows = lake.read("fin_transaction", night, night, _COLUMNS)
    theirs = rows.filter(pc.is_in(rows["account_id"], pa.array(sorted(accounts), pa.int64())))
    found: list[dict[str, Any]] = theirs.to_pylist()
    return found


def _matches(waiting: Iterable[Row], postings: list[dict[str, Any]]) -> Iterable[tuple[Row, Mapping[str, Any]]]:
    """Each break with the posting that may have cleared it; a posting clears one."""
    left = [*postings]
    for row in waiting:
        correction = json.loads(row["correction"])
        posting = next((each for each in left if _clears(each, row, correction)), None)
        if posting is not None:
            left.remove(posting)
            yield row, posting


def _clears(posting: Mapping[str, Any], row: Row, correction: Mapping[str, Any]) -> bool:
    if posting["account_id"] != row["account_id"]:
        return False
    if correction["action"] == "delete":
        return bool(posting["reverses"] is not None and posting["reverses"] == correction["trans_id"])
    return correction["action"] == "insert" and _signed_cents(posting) == _missing_cents(correction)


def _signed_cents(posting: Mapping[str, Any]) -> int | None:
    amount = cents_of(posting["amount"])
    return amount if amount is None or posting["trans_type"] == _CREDIT else -amount


def _missing_cents(correction: Mapping[str, Any]) -> int | None:
    return None if correction["value"] is None else cents(correction["value"])


def _sentence(row: Row, posting: Mapping[str, Any], night: date) -> str:
    what = "reversed the double" if json.loads(row["correction"])["action"] == "delete" else "had the missing amount"
    return f"Posting {named(posting['trans_id'])} of {night} {what}."
