"""Finds postings that may have cleared a break since: the missing one that came late, or the reversal of a double.

Such a break is proposed for closing; a person closes it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
from include.lake.sql_store import SqlStore
from include.settlement.findings import cents

CLEARS_WITHIN_DAYS = 21
"""Days after a break in which a posting of the missing amount may be the missing one: what is due monthly comes again
after 28 days at the earliest, and is then the next one. A decision."""
_WITHIN = timedelta(CLEARS_WITHIN_DAYS)
_COLUMNS = ("settlement_date", "trans_id", "account_id", "trans_type", "amount", "reverses")
_CREDIT = "C"
_OF = " of "


def postings_for(
    store: SqlStore, lake: Lake, found: Mapping[date, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """The postings that may clear breaks once some nights are taken in, the oldest first.

    Those of the nights may clear earlier breaks; those of later nights, breaks of the nights.

    Parameters
    ----------
    store
        Database of the book.
    lake
        The lake.
    found
        The findings of the nights that are about to be taken in, by night.
    """
    first, last = min(found), max(found)
    with store.read() as connection:
        accounts = {row["account_id"] for row in _waiting(connection, first, last)}
    accounts |= {row["account_id"] for rows in found.values() for row in rows if row["correction"] is not None}
    theirs = sorted(accounts - {None})
    if not theirs:
        return []
    rows = lake.read("fin_transaction", first, last + _WITHIN, _COLUMNS)
    chosen: list[dict[str, Any]] = rows.filter(pc.is_in(rows["account_id"], pa.array(theirs, pa.int64()))).to_pylist()
    return sorted(chosen, key=lambda row: (row["settlement_date"], row["trans_id"]))


def clear_breaks(connection: sa.Connection, postings: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Propose breaks for closing that a later posting may have cleared.

    Parameters
    ----------
    connection
        The transaction in which the nights were taken in.
    postings
        What `postings_for` read before it.
    now
        The present time.
    """
    if not postings:
        return
    span = postings[0]["settlement_date"], postings[-1]["settlement_date"]
    used = _used(connection, *span)
    free = [row for row in postings if _posting(row) not in used]
    cleared = [*_matches(_waiting(connection, *span), free)]
    for row, posting in cleared:
        values = {"cleared_by": _sentence(row, posting)}
        connection.execute(sa.update(FINDINGS).where(FINDINGS.c.finding_id == row["finding_id"]).values(**values))
        event = {"case_id": row["case_id"], "at": now, "who": "", "kind": EventKind.CLEARED.value, "note": ""}
        about = f"A posting of {posting['settlement_date']} may have cleared {row['code'].replace('_', ' ')}"
        connection.execute(sa.insert(EVENTS), {**event, "text": f"{about}: see whether it can be closed."})
    sum_up(connection, {row["case_id"] for row, _ in cleared})


def _waiting(connection: sa.Connection, first: date, last: date) -> list[Row]:
    """Undecided breaks that postings of some nights would mend by an insertion or a reversal, the oldest first."""
    query = sa.select(FINDINGS).where(
        FINDINGS.c.correction.is_not(None),
        FINDINGS.c.gone_at.is_(None),
        ~FINDINGS.c.is_settled,
        FINDINGS.c.cleared_by.is_(None),
        FINDINGS.c.account_id.is_not(None),
        *_may_be_cleared(first, last),
    )
    return [*connection.execute(query.order_by(FINDINGS.c.settlement_date, FINDINGS.c.finding_id)).mappings()]


def _may_be_cleared(first: date, last: date) -> tuple[sa.ColumnElement[bool], ...]:
    return FINDINGS.c.settlement_date >= first - _WITHIN, FINDINGS.c.settlement_date < last


def _used(connection: sa.Connection, first: date, last: date) -> set[str]:
    """The postings that are said already to have cleared a break."""
    query = sa.select(FINDINGS.c.cleared_by).where(FINDINGS.c.cleared_by.is_not(None), *_may_be_cleared(first, last))
    return {sentence.partition(_OF)[0] for sentence in connection.scalars(query)}


def _matches(waiting: Iterable[Row], postings: Iterable[Mapping[str, Any]]) -> Iterable[tuple[Row, Mapping[str, Any]]]:
    """Each break with the posting that may have cleared it; a posting clears one."""
    left: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for posting in postings:
        left[posting["account_id"]].append(posting)
    for row in waiting:
        correction, of_account = json.loads(row["correction"]), left[row["account_id"]]
        found = next((each for each in of_account if _clears(each, row, correction)), None)
        if found is not None:
            of_account.remove(found)
            yield row, found


def _clears(posting: Mapping[str, Any], row: Row, correction: Mapping[str, Any]) -> bool:
    if not row["settlement_date"] < posting["settlement_date"] <= row["settlement_date"] + _WITHIN:
        return False
    if correction["action"] == "delete":
        return bool(posting["reverses"] is not None and posting["reverses"] == correction["trans_id"])
    return correction["action"] == "insert" and _signed_cents(posting) == _missing_cents(correction)


def _signed_cents(posting: Mapping[str, Any]) -> int | None:
    amount = cents_of(posting["amount"])
    return amount if amount is None or posting["trans_type"] == _CREDIT else -amount


def _missing_cents(correction: Mapping[str, Any]) -> int | None:
    return None if correction["value"] is None else cents(correction["value"])


def _sentence(row: Row, posting: Mapping[str, Any]) -> str:
    what = "reversed the double" if json.loads(row["correction"])["action"] == "delete" else "had the missing amount"
    return f"{_posting(posting)}{_OF}{posting['settlement_date']} {what}."


def _posting(posting: Mapping[str, Any]) -> str:
    return f"Posting {named(posting['trans_id'])}"
