"""Claims: who looks at a case, for an hour; and cases that are put aside until a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from include.cases.acts import Act, checked_note
from include.cases.queue import conditions_of, ordered, place_of
from include.cases.refusals import CaseRefusedError
from include.cases.showing import Showing
from include.cases.snoozes import until_of
from include.cases.tables import CASES
from include.cases.terms import EventKind
from include.cases.views import QueueFilter

CLAIM = timedelta(hours=1)
"""Time for which a claim holds: long enough for a telephone call, short enough that a forgotten one costs no day."""


def claim(act: Act, case_id: str) -> datetime:
    """Take a case, and give the time at which the claim lapses."""
    case, until = act.free_case(case_id), act.now + CLAIM
    is_new = case["holder"] != act.who or case["held_until"] <= act.now
    act.change(case_id, holder=act.who, held_until=until)
    if is_new:
        act.tell(case_id, EventKind.CLAIMED, "Taken to look at.")
        act.audit("claimed", case)
    return until


def claim_next(act: Act, wanted: QueueFilter, showing: Showing, after: str | None) -> str | None:
    """Take the most urgent case that nobody holds, and give its id; None where there is none."""
    free = [
        *conditions_of(act.connection, wanted, showing, act.now),
        ~CASES.c.is_closed,
        sa.or_(CASES.c.holder.is_(None), CASES.c.held_until <= act.now),
        sa.or_(CASES.c.waits_until.is_(None), CASES.c.waits_until <= act.now),
    ]
    place = None if after is None else place_of(act.connection, after)
    case_id = act.connection.scalar(ordered(free, place).with_only_columns(CASES.c.case_id).limit(1))
    if case_id is None:
        return None
    claim(act, case_id)
    return str(case_id)


def release(act: Act, case_id: str) -> None:
    """Give back one's claim."""
    case = act.free_case(case_id)
    if case["holder"] == act.who and case["held_until"] > act.now:
        act.change(case_id, holder=None, held_until=None)
        act.tell(case_id, EventKind.RELEASED, "Given back.")
        act.audit("released", case)


def note(act: Act, case_id: str, text: str) -> None:
    """Add a note to a case's history."""
    said, case = checked_note(text), act.case(case_id)
    if not said:
        raise CaseRefusedError("the note is empty: write what the next person should know")
    act.tell(case_id, EventKind.NOTED, "Noted.", said)
    act.audit("noted", case)


def wait(act: Act, case_id: str, until: date, text: str) -> None:
    """Put a case aside until the beginning of a day."""
    said, ends, case = checked_note(text), until_of(until, act.now), act.free_case(case_id)
    if case["is_closed"]:
        raise CaseRefusedError("the case is closed, so that nothing of it waits: undo its decision first")
    act.change(case_id, waits_until=ends, holder=None, held_until=None)
    act.tell(case_id, EventKind.WAITING, f"Put aside until {until}.", said)
    act.audit("put aside", case, until=until)
