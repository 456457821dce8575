"""What a case's row says of its findings: its place in the queue, its headline, what is at stake."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from include.cases.ranking import points, sureness
from include.cases.tables import CASES, DECISIONS, FINDINGS, SNOOZES, Row

MOST_CODES = 5
"""Codes that a case's row names; a case with more is told by its headline."""
_CHUNK = 400
"""Cases that are summed up with one query: SQLite takes at most 999 parameters in its oldest builds."""
_COLUMNS = (
    *("case_id", "finding_id", "settlement_date", "kind", "code", "severity", "trans_id", "amount_cents"),
    *("masked_amount_cents", "score", "gone_at", "is_settled", "snooze_id", "decision_id", "cleared_by"),
)


def summary_of(findings: Sequence[Row]) -> dict[str, Any]:
    """The columns of a case that follow from its findings.

    Those that somebody should look at count; where there are none, those that are still found, or else all.
    """
    live = [row for row in findings if _is_live(row)]
    shown = live or [row for row in findings if row["gone_at"] is None] or [*findings]
    money, masked = _money(shown, "amount_cents"), _money(shown, "masked_amount_cents")
    sure, oldest = max(map(_sureness, shown)), min(row["settlement_date"] for row in shown)
    return {
        # Everybody sees the order: by exact amounts it would tell masked readers what a rounded one hides.
        "points": points(masked, sure, oldest),
        "money_cents": money,
        "masked_money_cents": masked,
        "sureness": sure,
        "oldest": oldest,
        "newest": max(row["settlement_date"] for row in shown),
        "findings": len(live),
        "codes": json.dumps(sorted({row["code"] for row in shown})[:MOST_CODES]),
        "headline_id": max(shown, key=_urgency)["finding_id"],
        "clearing": next((row["cleared_by"] for row in live if row["cleared_by"]), None),
    }


def _is_live(row: Row) -> bool:
    return row["gone_at"] is None and not row["is_settled"] and row["snooze_id"] is None


def _is_asleep(row: Row) -> bool:
    return row["gone_at"] is None and not row["is_settled"] and row["snooze_id"] is not None


def _sureness(row: Row) -> float:
    return sureness(row["kind"], row["severity"], row["score"])


def _urgency(row: Row) -> tuple[int, str]:
    return points(abs(row["masked_amount_cents"] or 0), _sureness(row), row["settlement_date"]), row["finding_id"]


def _money(rows: Iterable[Row], column: str) -> int:
    """Money at stake in cents; several findings on one posting are about the same money."""
    stakes: dict[object, int] = {}
    for row in rows:
        about = row["trans_id"] if row["trans_id"] is not None else row["finding_id"]
        stakes[about] = max(stakes.get(about, 0), abs(row[column] or 0))
    return sum(stakes.values())


def sum_up(connection: sa.Connection, case_ids: Iterable[str]) -> None:
    """Bring the rows of cases up to date with their findings, decisions and snoozes.

    A case is closed when nothing is left to decide, and waits while all that is left is snoozed.
    """
    wanted = sorted(set(case_ids))
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        updates = [_update(*found) for found in _of_cases(connection, chunk)]
        if updates:
            connection.execute(_UPDATE, updates)


_CHANGED = (
    *("points", "money_cents", "masked_money_cents", "sureness", "oldest", "newest", "findings", "codes"),
    *("headline_id", "clearing", "is_closed", "waits_until", "decided"),
)
_UPDATE = (
    sa.update(CASES)
    .where(CASES.c.case_id == sa.bindparam("of_case"))
    .values({name: sa.bindparam(f"new_{name}") for name in _CHANGED})
)


def _of_cases(connection: sa.Connection, case_ids: Sequence[str]) -> Iterable[tuple[Row, list[Row], Row, str | None]]:
    """Each case with its findings, its snoozes' ends and the outcome of its latest decision that stands."""
    cases = connection.execute(sa.select(CASES).where(CASES.c.case_id.in_(case_ids))).mappings().all()
    columns = [FINDINGS.c[name] for name in _COLUMNS]
    found: dict[str, list[Row]] = {}
    for row in connection.execute(sa.select(*columns).where(FINDINGS.c.case_id.in_(case_ids))).mappings():
        found.setdefault(row["case_id"], []).append(row)
    ends = {row.snooze_id: row.until for row in connection.execute(_snoozes(case_ids))}
    outcomes = {row.case_id: row.outcome for row in connection.execute(_standing(case_ids))}
    return [(case, found[case["case_id"]], ends, outcomes.get(case["case_id"])) for case in cases]


def _snoozes(case_ids: Sequence[str]) -> sa.Select[Any]:
    return sa.select(SNOOZES.c.snooze_id, SNOOZES.c.until).where(
        SNOOZES.c.case_id.in_(case_ids), SNOOZES.c.ended_at.is_(None)
    )


def _standing(case_ids: Sequence[str]) -> sa.Select[Any]:
    """Decisions that stand, the oldest first, so that of each case the latest is taken last."""
    stands = (DECISIONS.c.case_id.in_(case_ids), DECISIONS.c.undone_at.is_(None))
    return sa.select(DECISIONS.c.case_id, DECISIONS.c.outcome).where(*stands).order_by(DECISIONS.c.at)


def _update(case: Row, findings: list[Row], ends: Mapping[str, datetime], outcome: str | None) -> dict[str, Any]:
    summary = summary_of(findings)
    asleep = [ends[row["snooze_id"]] for row in findings if _is_asleep(row) and row["snooze_id"] in ends]
    waits = min(asleep) if asleep and not summary["findings"] else case["waits_until"]
    closed = not summary["findings"] and not asleep
    columns = {**summary, "is_closed": closed, "waits_until": None if closed else waits, "decided": outcome}
    return {"of_case": case["case_id"], **{f"new_{name}": columns[name] for name in _CHANGED}}
