"""Decisions on findings: taken once, by who saw what they are about, and taken back with the history of both."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from include.cases.acts import Act, as_id, checked_note, no_such
from include.cases.outcomes import acts_from, named_by, outcome_of, put_aside, reviews_of, words_of
from include.cases.queue import newest_night
from include.cases.reading import changes_of, seen_of
from include.cases.refusals import (
    CaseRefusedError,
    Change,
    ChangedMeanwhileError,
    DecidedByAnotherError,
    NoSuchCaseError,
)
from include.cases.showing import Showing
from include.cases.summaries import sum_up
from include.cases.tables import DECIDED, DECISIONS, DROPS, EVENTS, FINDINGS, VERSIONS, Row
from include.cases.terms import EventKind
from include.cases.views import Decided, Decision
from include.settings import Settings

MOST_IN_BULK = 200
"""Cases of one bulk decision: what a person can look through in a preview. A decision."""


def decide(act: Act, decision: Decision, settings: Settings, showing: Showing, batch_id: str | None = None) -> Decided:
    """Decide on findings of a case."""
    outcome = outcome_of(settings, decision.outcome, decision.reason)
    note, case = checked_note(decision.note), act.free_case(decision.case_id)
    findings = _seen_findings(act, decision, showing)
    reason = outcome.reasons[decision.reason]
    words = words_of(settings, outcome.code, decision.reason, note)
    reviews = reviews_of(findings, outcome.decision, words, act.who, act.now)
    row = {
        "decision_id": uuid.uuid4().hex,
        "case_id": decision.case_id,
        "batch_id": batch_id,
        "outcome": outcome.code,
        "review_decision": outcome.decision,
        "reason": decision.reason,
        "note": note,
        "who": act.who,
        "at": act.now,
        "acts_from": acts_from(act.now, newest_night(act.connection)) if reviews else None,
    }
    act.connection.execute(sa.insert(DECISIONS), row)
    ids = [finding["finding_id"] for finding in findings]
    about = [{"decision_id": row["decision_id"], "finding_id": finding_id} for finding_id in ids]
    act.connection.execute(sa.insert(DECIDED), about)
    _settle(act.connection, ids, decision_id=row["decision_id"], is_settled=True, review_state=outcome.decision)
    put_aside(act.connection, str(row["decision_id"]), str(row["decision_id"]), reviews, act.now)
    act.change(decision.case_id, holder=None, held_until=None)
    act.tell(decision.case_id, EventKind.DECIDED, f"{outcome.title}: {reason} ({_counted(ids)}).", note)
    act.audit("decided", case, decision=row["decision_id"], outcome=outcome.code, reason=decision.reason)
    sum_up(act.connection, [decision.case_id])
    return _decided(act, row)


def _settle(connection: sa.Connection, finding_ids: Sequence[str], **values: object) -> None:
    connection.execute(sa.update(FINDINGS).where(FINDINGS.c.finding_id.in_(finding_ids)).values(**values))


def _counted(ids: Sequence[object]) -> str:
    return "1 finding" if len(ids) == 1 else f"{len(ids)} findings"


def _decided(act: Act, row: Mapping[str, Any]) -> Decided:
    return Decided(row["decision_id"], row["acts_from"], False, act.case(row["case_id"])["findings"])


def _seen_findings(act: Act, decision: Decision, showing: Showing) -> list[Row]:
    """The findings that are decided, as they were seen.

    Raises
    ------
    CaseRefusedError
        When none is named, one is not of the case, or one is not what was seen.
    """
    if not decision.seen:
        raise CaseRefusedError("no finding is chosen: choose at least one of the case's")
    query = sa.select(FINDINGS).where(FINDINGS.c.case_id == decision.case_id).with_for_update()
    query = query.where(FINDINGS.c.finding_id.in_([*map(as_id, decision.seen)]))
    found = {row["finding_id"]: row for row in act.connection.execute(query).mappings()}
    if unknown := sorted(decision.seen.keys() - found.keys()):
        raise NoSuchCaseError(f"{len(unknown)} of the findings are not in this case: look at the case again")
    _require_unchanged(act.connection, found, decision.seen, showing)
    for row in found.values():
        if seen_of(row) != decision.seen[row["finding_id"]]:
            raise _decided_meanwhile(act.connection, row, decision.seen[row["finding_id"]])
    return [*found.values()]


def _require_unchanged(
    connection: sa.Connection, found: Mapping[str, Row], seen: Mapping[str, str], showing: Showing
) -> None:
    changes = [
        change
        for name, row in found.items()
        for change in _changes_since(connection, row, seen[name].partition(".")[0], showing)
    ]
    if changes:
        raise ChangedMeanwhileError.of(changes)


def _changes_since(connection: sa.Connection, row: Row, digest: str, showing: Showing) -> list[Change]:
    """What changed of a finding since its content had a digest."""
    changes: list[Change] = []
    if row["digest"] != digest:
        query = sa.select(VERSIONS).where(VERSIONS.c.finding_id == row["finding_id"]).order_by(VERSIONS.c.replaced_at)
        versions = connection.execute(query).mappings().all()
        place = next((place for place, each in enumerate(versions) if each["digest"] == digest), 0)
        changes += [change for version in versions[place:] for change in changes_of(version, showing)]
        changes = changes or [
            Change(row["finding_id"], "text", "", showing.text(row["text"], row["masked_text"]) or "")
        ]
    if row["gone_at"] is not None:
        changes.append(Change(row["finding_id"], "gone", "found", "no longer found"))
    return changes


def _decided_meanwhile(connection: sa.Connection, row: Row, seen: str) -> DecidedByAnotherError:
    if row["decision_id"] is not None:
        standing = _decision(connection, row["decision_id"])
        return DecidedByAnotherError.of(standing["who"], standing["outcome"], standing["at"])
    undone = (
        connection.execute(
            sa.select(DECISIONS).where(
                DECISIONS.c.decision_id == as_id(seen.split(".")[1]), DECISIONS.c.undone_at.is_not(None)
            )
        )
        .mappings()
        .first()
    )
    if undone is not None:
        return DecidedByAnotherError.of(undone["undone_by"], "", undone["undone_at"])
    reviewed = sa.select(EVENTS).where(EVENTS.c.case_id == row["case_id"], EVENTS.c.kind == EventKind.REVIEWED.value)
    event = connection.execute(reviewed.order_by(EVENTS.c.event_id.desc()).limit(1)).mappings().first()
    if event is None:
        before = seen.rpartition(".")[2]
        raise ChangedMeanwhileError.of([Change(row["finding_id"], "review", before, row["review_state"])])
    return DecidedByAnotherError.of(event["who"], row["review_state"], event["at"])


def _decision(connection: sa.Connection, decision_id: str) -> Row:
    query = sa.select(DECISIONS).where(DECISIONS.c.decision_id == decision_id)
    found = connection.execute(query).mappings().first()
    if found is None:
        raise no_such("decision", decision_id)
    return found


def undecided(connection: sa.Connection, case_id: str) -> list[Row]:
    """The findings of a case that are to be decided."""
    query = sa.select(FINDINGS).where(
        FINDINGS.c.case_id == case_id,
        FINDINGS.c.gone_at.is_(None),
        ~FINDINGS.c.is_settled,
        FINDINGS.c.snooze_id.is_(None),
    )
    return [*connection.execute(query.order_by(FINDINGS.c.finding_id)).mappings()]


def parts_of(connection: sa.Connection, decision_id: str) -> list[str]:
    """The decisions of an id: itself, or those of a bulk decision that stand.

    Raises
    ------
    NoSuchCaseError
        When there are none.
    """
    given = as_id(decision_id)
    of_batch = sa.and_(DECISIONS.c.batch_id == given, DECISIONS.c.undone_at.is_(None))
    query = sa.select(DECISIONS.c.decision_id).where(sa.or_(DECISIONS.c.decision_id == given, of_batch))
    found = [str(each) for each in connection.scalars(query.order_by(DECISIONS.c.decision_id))]
    if not found:
        raise no_such("decision that stands with the id", decision_id)
    return found


def undo(act: Act, decision_id: str, settings: Settings) -> Decided:
    """Take a decision back: its findings are open again, and later reviews say what holds now."""
    case = act.free_case(_decision(act.connection, decision_id)["case_id"])
    taken = _decision(act.connection, decision_id)
    _require_standing(taken)
    mine = (FINDINGS.c.decision_id == decision_id, FINDINGS.c.case_id == taken["case_id"])
    findings = act.connection.execute(sa.select(FINDINGS).where(*mine)).mappings().all()
    if not findings:
        raise CaseRefusedError(
            "a later decision, or a changed night, stands in the place of this one: undo that instead"
        )
    ids = [row["finding_id"] for row in findings]
    at = _moment(act, taken["case_id"])
    stands = sa.update(DECISIONS).where(DECISIONS.c.decision_id == decision_id)
    act.connection.execute(stands.values(undone_by=act.who, undone_at=at))
    _settle(act.connection, ids, decision_id=None, is_settled=False, review_state="open")
    words = f"Taken back: it had been decided as {taken['outcome'].replace('_', ' ')}."
    reviews = _reviews_instead(act, taken, findings, words, at, settings)
    put_aside(act.connection, f"{decision_id}-undone", decision_id, reviews, at)
    act.tell(taken["case_id"], EventKind.UNDONE, f"{words} {_counted(ids).capitalize()} open again.")
    act.audit("undid", case, decision=decision_id)
    sum_up(act.connection, [taken["case_id"]])
    newest = newest_night(act.connection)
    return _decided(act, {**taken, "acts_from": acts_from(act.now, newest) if reviews else None})


def _moment(act: Act, case_id: str) -> datetime:
    """The present time, or one just after the last decision on a case: of its reviews, the latest has to count."""
    times = sa.select(sa.func.max(DECISIONS.c.at), sa.func.max(DECISIONS.c.undone_at))
    told: Iterable[datetime | None] = act.connection.execute(times.where(DECISIONS.c.case_id == case_id)).one()
    return max([act.now, *(each + timedelta(milliseconds=1) for each in told if each is not None)])


def _reviews_instead(
    act: Act, taken: Row, findings: Iterable[Row], words: str, at: datetime, settings: Settings
) -> list[dict[str, Any]]:
    """The reviews that take the place of those of a decision: that nobody is sure, or of a decision that still stands.

    Reviews name a posting, or an account and a check: other findings of that name may be decided, and stay so.
    """
    standing = _standing(act.connection, taken)
    reviews: list[dict[str, Any]] = []
    for about, row in {named_by(row): row for row in findings}.items():
        other = standing.get(about)
        if other is None:
            reviews += reviews_of([row], "unsure", words, act.who, at)
        else:
            said = words_of(settings, other["outcome"], other["reason"], other["note"])
            reviews += reviews_of([row], other["review_decision"], said, other["who"], at)
    return reviews


def _standing(connection: sa.Connection, taken: Row) -> dict[tuple[tuple[str, Any], ...] | None, Row]:
    """The other decisions on a case that stand, the latest of each thing that reviews can name."""
    query = (
        sa.select(DECISIONS, FINDINGS.c.kind, FINDINGS.c.account_id, FINDINGS.c.code, FINDINGS.c.trans_id)
        .join(FINDINGS, FINDINGS.c.decision_id == DECISIONS.c.decision_id)
        .where(FINDINGS.c.case_id == taken["case_id"], DECISIONS.c.decision_id != taken["decision_id"])
        .order_by(DECISIONS.c.at)
    )
    return {named_by(row): row for row in connection.execute(query).mappings()}


def _require_standing(decision: Row) -> None:
    if decision["undone_at"] is not None:
        raise CaseRefusedError(
            f"{decision['undone_by']} took this decision back at {decision['undone_at']:%Y-%m-%d %H:%M} UTC already"
        )


def is_sent(connection: sa.Connection, decision_ids: Iterable[str]) -> bool:
    """Whether all reviews of decisions lie in the drop."""
    waiting = sa.select(DROPS.c.drop_id).where(DROPS.c.decision_id.in_([*decision_ids]), DROPS.c.sent_at.is_(None))
    return connection.execute(waiting.limit(1)).first() is None
