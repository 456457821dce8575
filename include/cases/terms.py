"""The fixed words of cases: their states, what happens to them, and the outcomes that a decision may have."""

from __future__ import annotations

from enum import StrEnum


class CaseState(StrEnum):
    """Where a case stands at a moment; a claim and a wait end by themselves."""

    OPEN = "open"
    IN_REVIEW = "in_review"
    WAITING = "waiting"
    CLOSED = "closed"


UNFINISHED = (CaseState.OPEN, CaseState.IN_REVIEW)
"""States of the cases that somebody should look at now."""


class EventKind(StrEnum):
    """What happened to a case."""

    OPENED = "opened"
    JOINED = "joined"
    REOPENED = "reopened"
    CHANGED = "changed"
    GONE = "gone"
    CLEARED = "cleared"
    CLAIMED = "claimed"
    RELEASED = "released"
    NOTED = "noted"
    WAITING = "waiting"
    DECIDED = "decided"
    UNDONE = "undone"
    REVIEWED = "reviewed"
    SNOOZED = "snoozed"
    WOKEN = "woken"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"


class CorrectionState(StrEnum):
    """Where a proposed correction stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    REPLACED = "replaced"
