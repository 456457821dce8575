"""Corrections of the bank's ledger: endorsed by one, approved by others, and recorded for the back office.

The ledger is never written from here.
"""

from __future__ import annotations

import json
import uuid

import sqlalchemy as sa

from include.cases.acts import Act, as_id, checked_note, no_such
from include.cases.outdating import STANDING, moved_cents, outdated_by
from include.cases.reading import finding_row
from include.cases.refusals import CaseRefusedError, ChangedMeanwhileError, NotAllowedTwiceError
from include.cases.tables import APPROVALS, CORRECTIONS, FINDINGS, Row
from include.cases.terms import CorrectionState, EventKind
from include.settings import Settings


def propose(act: Act, finding_id: str, note: str, settings: Settings) -> str:
    """Endorse the correction that the night proposes for a break, and give its id."""
    said, finding = checked_note(note), finding_row(act.connection, finding_id)
    case = act.case(finding["case_id"])
    finding = finding_row(act.connection, finding_id)
    if finding["correction"] is None or finding["gone_at"] is not None:
        raise CaseRefusedError("the night proposes no correction of this finding: nothing can be endorsed")
    _replace_outdated(act, finding)
    correction = json.loads(finding["correction"])
    amount = moved_cents(finding)
    row = {
        "correction_id": uuid.uuid4().hex,
        "case_id": finding["case_id"],
        "finding_id": finding_id,
        "state": CorrectionState.PROPOSED.value,
        **{name: correction[name] for name in ("action", "trans_id", "field", "value")},
        "amount_cents": amount,
        "digest": finding["digest"],
        "needed": 2 if amount > settings.two_approvals_amount * 100 else 1,
        "proposed_by": act.who,
        "proposed_at": act.now,
        "note": said,
    }
    act.connection.execute(sa.insert(CORRECTIONS), row)
    people = "one other person" if row["needed"] == 1 else "two other people"
    act.tell(finding["case_id"], EventKind.PROPOSED, f"A correction is proposed; it waits for {people}.", said)
    act.audit("proposed a correction", case, correction=row["correction_id"])
    return str(row["correction_id"])


def _replace_outdated(act: Act, finding: Row) -> None:
    """Close earlier corrections of a break that the night says otherwise now.

    Raises
    ------
    CaseRefusedError
        When one is as right as when it was proposed.
    """
    stands = CORRECTIONS.c.state.in_(STANDING)
    query = sa.select(CORRECTIONS).where(CORRECTIONS.c.finding_id == finding["finding_id"], stands)
    for found in act.connection.execute(query).mappings().all():
        if not outdated_by(found, finding):
            raise CaseRefusedError(
                f"{found['proposed_by']} proposed this correction already; it is {found['state']}"
                f"{_WAYS[found['state']]}"
            )
        _close(act, found["correction_id"], CorrectionState.REPLACED)


_WAYS = {
    CorrectionState.PROPOSED.value: ": approve or refuse it",
    CorrectionState.APPROVED.value: ": the back office has it",
}
"""What may be done about a correction that stands in the way of another one of its break."""


def approve(act: Act, correction_id: str) -> None:
    """Approve a correction; it is approved once enough different people have."""
    found = _waiting(act, correction_id)
    if act.who == found["proposed_by"]:
        raise NotAllowedTwiceError("you proposed this correction: somebody else must approve it")
    others = sa.select(APPROVALS.c.who).where(APPROVALS.c.correction_id == correction_id)
    approved_by = [*act.connection.scalars(others)]
    if act.who in approved_by:
        raise NotAllowedTwiceError("you approved this correction already: a second person must approve it, too")
    _require_unchanged(act.connection, found)
    act.connection.execute(sa.insert(APPROVALS), {"correction_id": correction_id, "who": act.who, "at": act.now})
    left = found["needed"] - len(approved_by) - 1
    if left == 0:
        _close(act, correction_id, CorrectionState.APPROVED)
    said = "The correction is approved, and with the back office." if left == 0 else "Approved by one of two people."
    act.tell(found["case_id"], EventKind.APPROVED, said)
    act.audit("approved a correction", act.case(found["case_id"]), correction=correction_id)


def refuse(act: Act, correction_id: str, note: str) -> None:
    """Refuse a correction."""
    said, found = checked_note(note), _waiting(act, correction_id)
    _close(act, correction_id, CorrectionState.REFUSED, refused_by=act.who)
    act.tell(found["case_id"], EventKind.REFUSED, "The correction is refused.", said)
    act.audit("refused a correction", act.case(found["case_id"]), correction=correction_id)


def _waiting(act: Act, correction_id: str) -> Row:
    query = sa.select(CORRECTIONS).where(CORRECTIONS.c.correction_id == as_id(correction_id)).with_for_update()
    found = act.connection.execute(query).mappings().first()
    if found is None:
        raise no_such("correction", correction_id)
    if found["state"] != CorrectionState.PROPOSED.value:
        raise CaseRefusedError(
            f"this correction was {found['state']} at {found['closed_at']:%Y-%m-%d %H:%M} UTC already"
        )
    return found


def _require_unchanged(connection: sa.Connection, correction: Row) -> None:
    query = sa.select(FINDINGS).where(FINDINGS.c.finding_id == correction["finding_id"])
    changes = outdated_by(correction, connection.execute(query).mappings().one())
    if changes:
        raise ChangedMeanwhileError.of(changes)


def _close(act: Act, correction_id: str, state: CorrectionState, **values: object) -> None:
    mine = sa.update(CORRECTIONS).where(CORRECTIONS.c.correction_id == correction_id)
    act.connection.execute(mine.values(state=state.value, closed_at=act.now, **values))
