"""The case book: what people do with findings, in a small SQL database beside the lake's catalog.

The lake says what was found; the book says who looks at it and what they decide. Decisions become reviews by the same
drop as those that come over the API, and the lake acts on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Self

from include.cases.terms import CorrectionState
from include.cases.views import (
    BulkDecided,
    BulkPreview,
    Case,
    CorrectionRow,
    Decided,
    Decision,
    DecisionRow,
    Followed,
    Precedents,
    QueueFilter,
    QueuePage,
    QueueRow,
    SavedView,
    Snooze,
)
from include.settings import Settings

if TYPE_CHECKING:
    from include.lake import Lake

MOST_COUNTED = 1000
"""Number of cases up to which a page counts them: nobody works through more, and counting all takes long."""


class CaseBook:
    """The cases of one lake.

    Times are UTC; `who` is the login's own id, as Airflow knows it. Every change is one transaction.
    """

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """The book beside a lake's catalog, which is made where there is none.

        Parameters
        ----------
        lake_uri
            Address of the lake.
        settings
            Settings with the catalog, the namespace, the key and the outcomes.
        """
        raise NotImplementedError

    def follow(self, lake: Lake, now: datetime) -> Followed:
        """Take in the nights that were published since; cheap where none was.

        At first these are the last `KNOWN_DAYS` nights, later those whose run is new. Reviews that came in by other
        ways are taken in, too. Of two processes that follow at once one writes, and the other sees it.
        """
        raise NotImplementedError

    def queue(
        self, wanted: QueueFilter, now: datetime, *, after: str | None = None, size: int = 50, sees_accounts: bool
    ) -> QueuePage:
        """One page of the queue, the most urgent cases first.

        Parameters
        ----------
        wanted
            Which cases are shown.
        now
            The present time, at which claims and waits may have ended.
        after
            `QueuePage.after` of the page before; None for the first.
        size
            Number of rows.
        sees_accounts
            Whether the reader may see whom; others get pseudonyms, and choose by amounts as masked tables have them.

        Raises
        ------
        NoSuchCaseError
            When `after` is no case.
        NotYoursToSeeError
            When the filter names an account or a posting for a reader who may not see whom.
        """
        raise NotImplementedError

    def case(self, case_id: str, now: datetime, *, sees_accounts: bool) -> Case:
        """A case with its findings and history.

        Raises
        ------
        NoSuchCaseError
            When there is no such case.
        """
        raise NotImplementedError

    def case_of(self, finding_id: str) -> str:
        """The id of the case that a finding belongs to.

        Raises
        ------
        NoSuchCaseError
            When no case has the finding.
        """
        raise NotImplementedError

    def precedents(self, finding_id: str, *, sees_accounts: bool) -> Precedents:
        """What was decided before on findings like one.

        Raises
        ------
        NoSuchCaseError
            When no case has the finding.
        """
        raise NotImplementedError

    def claim(self, case_id: str, who: str, now: datetime) -> datetime:
        """Take a case for `CLAIM` (an hour), and give the time at which that lapses; one's own claim begins anew.

        Raises
        ------
        HeldByAnotherError
            When somebody else holds it.
        NoSuchCaseError
            When there is no such case.
        """
        raise NotImplementedError

    def claim_next(
        self, wanted: QueueFilter, who: str, now: datetime, *, after: str | None = None, sees_accounts: bool
    ) -> str | None:
        """Take the most urgent case of a filter that nobody holds, and give its id; None where there is none.

        Parameters
        ----------
        after
            Case after which to look; None for the whole queue.
        """
        raise NotImplementedError

    def release(self, case_id: str, who: str, now: datetime) -> None:
        """Give back one's claim on a case; without a claim nothing happens.

        Raises
        ------
        HeldByAnotherError
            When somebody else holds it.
        """
        raise NotImplementedError

    def note(self, case_id: str, who: str, now: datetime, note: str) -> None:
        """Add a note to a case's history.

        Raises
        ------
        CaseRefusedError
            When the note is empty or longer than `LONGEST_NOTE`.
        """
        raise NotImplementedError

    def wait(self, case_id: str, until: date, who: str, now: datetime, note: str = "") -> None:
        """Put a case aside until the beginning of a day (UTC); a new finding opens it before.

        Raises
        ------
        CaseRefusedError
            When the day is not after today, or more than a year away, or the case is closed.
        HeldByAnotherError
            When somebody else holds it.
        """
        raise NotImplementedError

    def decide(self, decision: Decision, who: str, now: datetime) -> Decided:
        """Decide on findings of a case; it is closed once all its findings are decided.

        The decision stands at once; its reviews lie in the drop, or follow with the next call.

        Raises
        ------
        CaseRefusedError
            When the outcome or its reason is none of the installation's, the note is too long, or nothing is named.
        ChangedMeanwhileError
            When a restated night changed a finding since it was seen.
        DecidedByAnotherError
            When a finding was decided since it was seen.
        HeldByAnotherError
            When somebody else holds the case.
        NoSuchCaseError
            When there is no such case, or a finding is not in it.
        """
        raise NotImplementedError

    def preview(
        self, case_ids: Sequence[str], outcome: str, reason: str, who: str, now: datetime, note: str = ""
    ) -> BulkPreview:
        """What deciding on all undecided findings of several cases would do; nothing is decided.

        Raises
        ------
        CaseRefusedError
            When there are more than `MOST_IN_BULK` cases, or the outcome or reason is none of the installation's.
        """
        raise NotImplementedError

    def decide_many(self, decisions: Sequence[Decision], who: str, now: datetime) -> BulkDecided:
        """Take several decisions, each by itself; a refused one leaves its case as it was.

        Parameters
        ----------
        decisions
            Those of a preview.
        """
        raise NotImplementedError

    def undo(self, decision_id: str, who: str, now: datetime) -> Decided:
        """Take a decision back: its findings are open again, and a later review `unsure` says so; history keeps both.

        Parameters
        ----------
        decision_id
            Id of a decision, or of a bulk decision, of which all parts are taken back that stand.

        Raises
        ------
        CaseRefusedError
            When it was taken back already, or a later decision stands in its place.
        NoSuchCaseError
            When there is no such decision.
        """
        raise NotImplementedError

    def decisions(self, first: datetime, last: datetime, *, sees_accounts: bool) -> list[DecisionRow]:
        """The decisions that were taken from `first` on and before `last`, the oldest first."""
        raise NotImplementedError

    def backlog(self, now: datetime, *, sees_accounts: bool) -> list[QueueRow]:
        """All cases that are not closed, the most urgent first."""
        raise NotImplementedError

    def deliver(self) -> int:
        """Put reviews into the drop that did not get there when they were decided, and give of how many decisions."""
        raise NotImplementedError

    def snooze(self, case_id: str, code: str, until: date, who: str, now: datetime, note: str = "") -> Snooze:
        """Keep a check quiet on a case's account until the beginning of a day (UTC).

        A finding of a larger amount than any of the check's in the case ends it before; one of another check opens the
        case.

        Raises
        ------
        CaseRefusedError
            When no finding of the case has the code, or the day is not after today, or more than a year away.
        HeldByAnotherError
            When somebody else holds the case.
        """
        raise NotImplementedError

    def wake(self, snooze_id: str, who: str, now: datetime) -> None:
        """End a snooze.

        Raises
        ------
        NoSuchCaseError
            When there is no such snooze in force.
        """
        raise NotImplementedError

    def propose_correction(self, finding_id: str, who: str, now: datetime, note: str = "") -> CorrectionRow:
        """Endorse the correction that the night proposes for a break.

        Raises
        ------
        CaseRefusedError
            When the finding has none, or one is proposed or approved already.
        """
        raise NotImplementedError

    def approve_correction(self, correction_id: str, who: str, now: datetime) -> CorrectionRow:
        """Approve a proposed correction; above `ADS_TWO_APPROVALS_AMOUNT` it needs two different people.

        Raises
        ------
        ChangedMeanwhileError
            When a restated night changed the break or its correction since it was proposed.
        NotAllowedTwiceError
            When `who` proposed it, or approved it already.
        CaseRefusedError
            When it is approved or refused already.
        """
        raise NotImplementedError

    def refuse_correction(self, correction_id: str, who: str, now: datetime, note: str) -> CorrectionRow:
        """Refuse a proposed correction; whoever proposed it may take it back so.

        Raises
        ------
        CaseRefusedError
            When it is approved or refused already.
        """
        raise NotImplementedError

    def corrections(
        self, *states: CorrectionState, sees_accounts: bool, finding_id: str | None = None
    ) -> list[CorrectionRow]:
        """Corrections in these states (all where none is given), the oldest first; those of one finding, if asked."""
        raise NotImplementedError

    def views(self, who: str) -> list[SavedView]:
        """A person's saved views, by name."""
        raise NotImplementedError

    def save_view(self, who: str, view: SavedView) -> None:
        """Keep a view; one of the same name is replaced.

        Raises
        ------
        CaseRefusedError
            When its name is empty or too long, or the person has `MOST_VIEWS`.
        """
        raise NotImplementedError

    def forget_view(self, who: str, name: str) -> None:
        """Remove a saved view; without one of that name nothing happens."""
        raise NotImplementedError

    @property
    def figures(self) -> Mapping[str, int]:
        """Number of cases, findings and decisions in the book."""
        raise NotImplementedError
