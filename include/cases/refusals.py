"""What the case book refuses, each with a sentence for the person who asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from include.errors import TerminalError


@dataclass(frozen=True)
class Change:
    """One field of a finding that a restated night says otherwise.

    Attributes
    ----------
    finding_id
        The finding.
    field
        What differs: `amount`, `score`, `severity`, `text`, or `gone` where the night no longer finds it.
    before, after
        What it was and what it is, for people; empty where there is nothing.
    """

    finding_id: str
    field: str
    before: str
    after: str


class CaseRefusedError(TerminalError):
    """Raised when the case book does not take what a person asked; the base of all refusals below."""


class NoSuchCaseError(CaseRefusedError):
    """Raised when no case, finding, decision, correction or page of the queue has the given id."""


class NotYoursToSeeError(CaseRefusedError):
    """Raised when a filter names an account or a posting for somebody who may not see whom."""


class HeldByAnotherError(CaseRefusedError):
    """Raised when somebody else holds the case.

    Attributes
    ----------
    holder
        Who holds it.
    until
        When their claim lapses.
    """

    holder: str = ""
    until: datetime | None = None

    @classmethod
    def of(cls, holder: str, until: datetime) -> Self:
        """The refusal of a case that somebody holds."""
        error = cls(
            f"{holder} is looking at this case until {until:%Y-%m-%d %H:%M} UTC: take another one, or ask {holder} to "
            "release it"
        )
        error.holder, error.until = holder, until
        return error


class DecidedByAnotherError(CaseRefusedError):
    """Raised when a finding was decided since it was shown.

    Attributes
    ----------
    who
        Who decided it.
    outcome
        What was decided; empty where the decision was undone.
    at
        When.
    """

    who: str = ""
    outcome: str = ""
    at: datetime | None = None

    @classmethod
    def of(cls, who: str, outcome: str, at: datetime) -> Self:
        """The refusal of a decision on what somebody decided, or took back, meanwhile."""
        said = f"decided it as {outcome}" if outcome else "took a decision on it back"
        error = cls(f"{who} {said} at {at:%Y-%m-%d %H:%M} UTC: look at the case again before you decide")
        error.who, error.outcome, error.at = who, outcome, at
        return error


class ChangedMeanwhileError(CaseRefusedError):
    """Raised when a restated night changed a finding since it was shown.

    Attributes
    ----------
    changes
        What changed, for those who may see accounts.
    """

    changes: tuple[Change, ...] = ()

    @classmethod
    def of(cls, changes: Sequence[Change]) -> Self:
        """The refusal of a decision on findings that changed."""
        error = cls(
            f"{len({change.finding_id for change in changes})} findings of this case changed since you looked: the "
            "night was played again. Look at what changed and decide anew"
        )
        error.changes = tuple(changes)
        return error


class NotAllowedTwiceError(CaseRefusedError):
    """Raised when one person would approve what they proposed, or approve twice."""
