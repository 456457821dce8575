"""Reads a case with everything that belongs to it, as one reader may see it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from include.cases.acts import as_id, no_such
from include.cases.outdating import STANDING, outdated_by
from include.cases.queue import case_row, newest_night, shown_row
from include.cases.refusals import Change
from include.cases.showing import Showing
from include.cases.tables import (
    APPROVALS,
    CORRECTIONS,
    DECIDED,
    DECISIONS,
    DROPS,
    EVENTS,
    FINDINGS,
    SNOOZES,
    VERSIONS,
    Row,
)
from include.cases.terms import CorrectionState, EventKind
from include.cases.views import Case, CaseFinding, CorrectionRow, DecisionRow, Event, Precedents, Snooze

MOST_SHOWN = 200
"""Findings, and events, of a case that are shown: years of an account with a finding a week."""


def read_case(connection: sa.Connection, case_id: str, showing: Showing, now: datetime) -> Case:
    """A case.

    Raises
    ------
    NoSuchCaseError
        When there is none.
    """
    row = shown_row(case_row(connection, case_id), showing, now, newest_night(connection))
    of_case = FINDINGS.c.case_id == case_id
    return Case(
        row=row,
        findings=_findings(connection, case_id, showing),
        findings_in_all=connection.scalar(sa.select(sa.func.count()).where(of_case)) or 0,
        events=_events(connection, case_id, showing),
        decisions=tuple(read_decisions(connection, showing, DECISIONS.c.case_id == case_id))[::-1],
        snoozes=_snoozes(connection, case_id, showing, now),
        corrections=tuple(read_corrections(connection, showing, CORRECTIONS.c.case_id == case_id)),
    )


def case_of(connection: sa.Connection, finding_id: str) -> str:
    """The id of a finding's case.

    Raises
    ------
    NoSuchCaseError
        When no case has it.
    """
    return str(finding_row(connection, finding_id)["case_id"])


def finding_row(connection: sa.Connection, finding_id: str) -> Row:
    """A finding.

    Raises
    ------
    NoSuchCaseError
        When no case has it.
    """
    query = sa.select(FINDINGS).where(FINDINGS.c.finding_id == as_id(finding_id))
    found = connection.execute(query).mappings().first()
    if found is None:
        raise no_such("finding", finding_id)
    return found


def seen_of(row: Row) -> str:
    """What somebody has seen of a finding: its content, the decision that stands, and the state of review."""
    return f"{row['digest']}.{row['decision_id'] or '-'}.{row['review_state']}"


def _findings(connection: sa.Connection, case_id: str, showing: Showing) -> tuple[CaseFinding, ...]:
    urgent = (FINDINGS.c.is_settled, FINDINGS.c.gone_at.is_not(None), FINDINGS.c.settlement_date.desc())
    query = sa.select(FINDINGS, DECISIONS.c.outcome).outerjoin(
        DECISIONS, DECISIONS.c.decision_id == FINDINGS.c.decision_id
    )
    query = query.where(FINDINGS.c.case_id == case_id).order_by(*urgent, FINDINGS.c.finding_id).limit(MOST_SHOWN)
    rows = connection.execute(query).mappings().all()
    changes = _changes(connection, [row["finding_id"] for row in rows], showing)
    return tuple(_finding(row, changes.get(row["finding_id"], ()), showing) for row in rows)


def _finding(row: Row, changes: Sequence[Change], showing: Showing) -> CaseFinding:
    return CaseFinding(
        finding_id=row["finding_id"],
        settlement_date=row["settlement_date"],
        kind=row["kind"],
        code=row["code"],
        severity=row["severity"],
        trans_id=showing.posting(row["trans_id"]),
        amount=showing.money(row["amount_cents"], row["masked_amount_cents"]),
        score=row["score"],
        feature=row["feature"],
        text=showing.text(row["text"], row["masked_text"]),
        seen=seen_of(row),
        is_gone=row["gone_at"] is not None,
        is_snoozed=row["snooze_id"] is not None,
        outcome=row["outcome"],
        decision_id=row["decision_id"],
        review_state=row["review_state"],
        correction=_correction(row["correction"], showing),
        cleared_by=showing.marked(row["cleared_by"]),
        changes=tuple(changes),
    )


def _correction(content: str | None, showing: Showing) -> Mapping[str, Any] | None:
    if content is None:
        return None
    found = json.loads(content)
    return {**found, "trans_id": showing.posting(found["trans_id"]), "value": showing.value(found["value"])}


def _changes(connection: sa.Connection, finding_ids: Sequence[str], showing: Showing) -> dict[str, list[Change]]:
    query = sa.select(VERSIONS).where(VERSIONS.c.finding_id.in_(finding_ids)).order_by(VERSIONS.c.replaced_at)
    found: dict[str, list[Change]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["finding_id"]] += changes_of(row, showing)
    return found


def changes_of(version: Row, showing: Showing) -> list[Change]:
    """What a restated night changed of a finding."""
    told = json.loads(version["changes"] if showing.sees_accounts else version["masked_changes"])
    return [Change(version["finding_id"], *_in_words(name, before, after)) for name, before, after in told]


def _in_words(name: str, before: object, after: object) -> tuple[str, str, str]:
    if name == "amount_cents":
        return "amount", _money(before), _money(after)
    words = [
        "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value) for value in (before, after)
    ]
    return {"trans_id": "posting"}.get(name, name), words[0], words[1]


def _money(cents: object) -> str:
    return f"{Decimal(cents).scaleb(-2):,.2f}" if isinstance(cents, int) else ""


def _events(connection: sa.Connection, case_id: str, showing: Showing) -> tuple[Event, ...]:
    query = sa.select(EVENTS).where(EVENTS.c.case_id == case_id).order_by(EVENTS.c.event_id.desc()).limit(MOST_SHOWN)
    return tuple(
        Event(
            row["at"], showing.person(row["who"]) or "", EventKind(row["kind"]), row["text"], showing.words(row["note"])
        )
        for row in connection.execute(query).mappings()
    )


def _snoozes(connection: sa.Connection, case_id: str, showing: Showing, now: datetime) -> tuple[Snooze, ...]:
    in_force = (SNOOZES.c.case_id == case_id, SNOOZES.c.ended_at.is_(None), SNOOZES.c.until > now)
    rows = connection.execute(sa.select(SNOOZES).where(*in_force).order_by(SNOOZES.c.at)).mappings()
    return tuple(snooze_of(row, showing) for row in rows)


def snooze_of(row: Row, showing: Showing) -> Snooze:
    """A snooze."""
    names = ("snooze_id", "case_id", "code", "until", "at")
    return Snooze(who=showing.person(row["who"]) or "", **{name: row[name] for name in names})


def read_decisions(connection: sa.Connection, showing: Showing, *wanted: sa.ColumnElement[bool]) -> list[DecisionRow]:
    """Decisions, the oldest first."""
    waiting = sa.select(DROPS.c.decision_id).where(DROPS.c.sent_at.is_(None))
    query = sa.select(DECISIONS, DECISIONS.c.decision_id.in_(waiting).label("is_waiting")).where(*wanted)
    rows = connection.execute(query.order_by(DECISIONS.c.at, DECISIONS.c.decision_id)).mappings().all()
    findings = _decided(connection, [row["decision_id"] for row in rows])
    return [_decision(row, findings.get(row["decision_id"], ()), showing) for row in rows]


def _decided(connection: sa.Connection, decision_ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for start in range(0, len(decision_ids), 400):
        theirs = DECIDED.c.decision_id.in_(decision_ids[start : start + 400])
        for row in connection.execute(sa.select(DECIDED).where(theirs).order_by(DECIDED.c.finding_id)):
            found[row.decision_id].append(row.finding_id)
    return found


def _decision(row: Row, finding_ids: Iterable[str], showing: Showing) -> DecisionRow:
    names = ("decision_id", "case_id", "outcome", "review_decision", "reason", "at", "acts_from", "undone_at")
    return DecisionRow(
        **{name: row[name] for name in (*names, "batch_id")},
        who=showing.person(row["who"]) or "",
        undone_by=showing.person(row["undone_by"]),
        note=showing.words(row["note"]),
        is_sent=not row["is_waiting"],
        finding_ids=tuple(finding_ids),
    )


def read_corrections(
    connection: sa.Connection, showing: Showing, *wanted: sa.ColumnElement[bool]
) -> list[CorrectionRow]:
    """Corrections, the oldest first."""
    query = sa.select(CORRECTIONS).where(*wanted).order_by(CORRECTIONS.c.proposed_at)
    rows = connection.execute(query).mappings().all()
    findings = _corrected(connection, [row["finding_id"] for row in rows])
    approvals = _approvals(connection, [row["correction_id"] for row in rows])
    return [
        _correction_row(row, findings[row["finding_id"]], approvals.get(row["correction_id"], ()), showing)
        for row in rows
    ]


def _corrected(connection: sa.Connection, finding_ids: Sequence[str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for start in range(0, len(finding_ids), 400):
        query = sa.select(FINDINGS).where(FINDINGS.c.finding_id.in_(finding_ids[start : start + 400]))
        found |= {row["finding_id"]: row for row in connection.execute(query).mappings()}
    return found


def _approvals(connection: sa.Connection, correction_ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for start in range(0, len(correction_ids), 400):
        theirs = APPROVALS.c.correction_id.in_(correction_ids[start : start + 400])
        for row in connection.execute(sa.select(APPROVALS).where(theirs).order_by(APPROVALS.c.at)):
            found[row.correction_id].append(row.who)
    return found


def _correction_row(row: Row, finding: Row, approved_by: Iterable[str], showing: Showing) -> CorrectionRow:
    names = ("correction_id", "finding_id", "case_id", "action", "field", "proposed_at", "needed", "closed_at")
    return CorrectionRow(
        **{name: row[name] for name in names},
        settlement_date=finding["settlement_date"],
        code=finding["code"],
        proposed_by=showing.person(row["proposed_by"]) or "",
        refused_by=showing.person(row["refused_by"]),
        state=CorrectionState(row["state"]),
        account=showing.account(finding["account_id"]),
        trans_id=showing.posting(row["trans_id"]),
        value=showing.value(row["value"]),
        amount=showing.money(row["amount_cents"], finding["masked_amount_cents"]) or Decimal(0),
        note=showing.words(row["note"]),
        approved_by=tuple(showing.person(who) or "" for who in approved_by),
        outdated=_outdated(row, finding, showing),
    )


def _outdated(row: Row, finding: Row, showing: Showing) -> tuple[Change, ...]:
    changes = outdated_by(row, finding) if row["state"] in STANDING else ()
    return tuple(
        replace(each, before=showing.value(each.before) or "", after=showing.value(each.after) or "")
        for each in changes
    )


def read_precedents(connection: sa.Connection, finding_id: str, showing: Showing) -> Precedents:
    """What was decided before on findings like one."""
    finding = finding_row(connection, finding_id)
    alike = sa.select(DECIDED.c.decision_id).join(FINDINGS, FINDINGS.c.finding_id == DECIDED.c.finding_id)
    alike = alike.where(FINDINGS.c.case_id == finding["case_id"], FINDINGS.c.code == finding["code"])
    counted = sa.select(FINDINGS.c.review_state, sa.func.count()).where(FINDINGS.c.code == finding["code"])
    rows = connection.execute(counted.group_by(FINDINGS.c.review_state)).all()
    counts: dict[str, int] = {row[0]: row[1] for row in rows}
    return Precedents(
        of_account=tuple(read_decisions(connection, showing, DECISIONS.c.decision_id.in_(alike)))[::-1],
        **{state: counts.get(state, 0) for state in ("confirmed", "dismissed", "unsure")},
    )
