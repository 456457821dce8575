"""Takes reviews into the case book that came by other ways than its own decisions: over the API, or as files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow.compute as pc
import sqlalchemy as sa

from include.cases.summaries import sum_up
from include.cases.tables import DECISIONS, EVENTS, FINDINGS, NIGHTS, Row
from include.cases.terms import EventKind
from include.lake import Lake
from include.lake.sql_store import SqlStore
from include.marts import MART_TABLES
from include.reviews.intake import KNOWN_DAYS

_STATES = ("settlement_date", "finding_id", "review_state")
_REVIEWS = ("trans_id", "account_id", "check_code", "decision", "reason", "who", "decided_at")
_SETTLES = ("confirmed", "dismissed")
_CHUNK = 400


@dataclass(frozen=True)
class Reviewed:
    """What the published reviews say of findings, where the book does not know it yet.

    Attributes
    ----------
    states
        State of review by finding.
    reviews
        The reviews that may say so.
    """

    states: Mapping[str, str]
    reviews: _Reviews


def reviewed_since(store: SqlStore, lake: Lake) -> Reviewed:
    """Read from the lake what reviews changed since the book looked last: some seconds, for which nobody waits."""
    with store.read() as connection:
        newest = connection.scalar(sa.select(sa.func.max(NIGHTS.c.settlement_date)))
    if newest is None:
        return Reviewed({}, _Reviews([]))
    first = newest - timedelta(KNOWN_DAYS)
    states = _states(lake, first, newest)
    with store.read() as connection:
        changed = {row["finding_id"]: state for row, state in _changed(connection, states)}
    rows = lake.read("reviews", first, None, _REVIEWS).to_pylist() if changed else []
    return Reviewed(changed, _Reviews(rows))


def take_reviews(connection: sa.Connection, reviewed: Reviewed, now: datetime) -> None:
    """Take in what the published reviews say.

    A review that the book itself sent changes nothing. Another one is told in the case; it settles the finding, unless
    nobody is sure.
    """
    touched = set()
    for row, state in _changed(connection, reviewed.states):
        found = reviewed.reviews.of(row, state)
        values: dict[str, Any] = {"lake_state": state}
        if found is not None and not _is_own(connection, row["case_id"], found):
            values |= {"review_state": state, "is_settled": state in _SETTLES or row["is_settled"]}
            _tell(connection, row, found, now)
            touched.add(row["case_id"])
        mine = FINDINGS.c.finding_id == row["finding_id"]
        connection.execute(sa.update(FINDINGS).where(mine).values(**values))
    sum_up(connection, touched)


def _states(lake: Lake, first: date, last: date) -> dict[str, str]:
    rows = lake.read(MART_TABLES["mart_findings"], first, last, _STATES)
    reviewed = rows.filter(pc.not_equal(rows["review_state"], "open"))
    return dict(zip(reviewed["finding_id"].to_pylist(), reviewed["review_state"].to_pylist(), strict=True))


def _changed(connection: sa.Connection, states: Mapping[str, str]) -> list[tuple[Row, str]]:
    """The findings whose state in the lake is another one than when the book looked last."""
    wanted = sorted(states)
    found: list[tuple[Row, str]] = []
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(FINDINGS).where(FINDINGS.c.finding_id.in_(wanted[start : start + _CHUNK]))
        rows = connection.execute(query).mappings()
        found += [(row, states[row["finding_id"]]) for row in rows if row["lake_state"] != states[row["finding_id"]]]
    return found


class _Reviews:
    """The published reviews by what they are about."""

    def __init__(self, reviews: Iterable[Mapping[str, Any]]) -> None:
        self._by: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
        for row in reviews:
            about = (row["trans_id"],) if row["trans_id"] is not None else (row["account_id"], row["check_code"])
            self._by[about].append(row)

    def of(self, finding: Row, state: str) -> Mapping[str, Any] | None:
        """The latest review that says this of a finding."""
        found = self._by[finding["trans_id"],] if finding["trans_id"] is not None else []
        found = [*found, *(self._by[finding["account_id"], finding["code"]] if finding["kind"] == "break" else [])]
        return max((row for row in found if row["decision"] == state), key=lambda row: row["decided_at"], default=None)


def _is_own(connection: sa.Connection, case_id: str, review: Mapping[str, Any]) -> bool:
    """Whether a review is one that the book itself sent.

    What an undo sends has its moment, and names whoever took the decision back, or whose decision stands instead.
    """
    at = review["decided_at"]
    taken = sa.and_(DECISIONS.c.who == review["who"], DECISIONS.c.at == at)
    query = sa.select(DECISIONS.c.decision_id).where(
        DECISIONS.c.case_id == case_id, sa.or_(taken, DECISIONS.c.undone_at == at)
    )
    return connection.execute(query.limit(1)).first() is not None


def _tell(connection: sa.Connection, finding: Row, review: Mapping[str, Any], now: datetime) -> None:
    said = (
        f"A review over the API or from a file: {finding['code'].replace('_', ' ')} of {finding['settlement_date']} is"
    )
    event = {
        "case_id": finding["case_id"],
        "at": now,
        "who": review["who"],
        "kind": EventKind.REVIEWED.value,
        "text": f"{said} {review['decision']}.",
        "note": review["reason"] or "",
    }
    connection.execute(sa.insert(EVENTS), event)
