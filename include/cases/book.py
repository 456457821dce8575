"""The case book: what people do with findings, in a small SQL database beside the lake's catalog.

The lake says what was found; the book says who looks at it and what they decide. Decisions become reviews by the same
drop as those that come over the API, and the lake acts on them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property
from typing import Self

import sqlalchemy as sa

from include.cases import claims, corrections, decisions, saved_views, searches, snoozes
from include.cases.acts import Act
from include.cases.audit import AuditLog
from include.cases.backlog import backlog_sums, on_desk
from include.cases.bulk import preview
from include.cases.decisions import MOST_IN_BULK
from include.cases.following import follow
from include.cases.outcomes import deliver, outcome_of
from include.cases.queue import queue_page
from include.cases.reading import case_of, read_case, read_corrections, read_decisions, read_precedents, snooze_of
from include.cases.refusals import CaseRefusedError
from include.cases.searches import NamedSearch
from include.cases.showing import Showing
from include.cases.store import open_store, writing
from include.cases.tables import CASES, CORRECTIONS, DECISIONS, EVENTS
from include.cases.terms import CorrectionState
from include.cases.views import (
    BacklogSum,
    BulkDecided,
    BulkPreview,
    Case,
    CorrectionRow,
    Decided,
    Decision,
    DecisionRow,
    DeskFilter,
    Followed,
    Holder,
    OnDesk,
    Precedents,
    QueueFilter,
    QueuePage,
    SavedView,
    Snooze,
)
from include.lake import Lake
from include.lake.sql_store import SqlStore
from include.masking.keys import NameKeys, NameKeyStore, Namer
from include.settings import Settings

MOST_HOLDERS = 200
"""People in the list of those who hold cases; a bank's night watch has some tens. A decision."""


class CaseBook:
    """The cases of one lake.

    Times are UTC; `who` is the name that somebody logs in with, which no two users share. Every change is one
    transaction.
    """

    def __init__(self, store: SqlStore, lake_uri: str, settings: Settings) -> None:
        self._store = store
        self._lake_uri = lake_uri
        self._settings = settings

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
        return cls(open_store(lake_uri, settings), lake_uri, settings)

    def follow(self, lake: Lake, now: datetime, *, most: int | None = None) -> Followed:
        """Take in the nights that were published since, the newest first; cheap where none was.

        At first these are the last `KNOWN_DAYS` nights, later those whose run is new. Reviews that came in by other
        ways are taken in, too, and decisions that wait for the drop are brought there. Of two processes that follow at
        once one writes, and the other sees it.

        Parameters
        ----------
        lake
            The lake.
        now
            The present time.
        most
            Findings to take in at most, though one night at least; all where None.
        """
        self.deliver(now)
        return follow(self._store, lake, lambda: Namer(self._keys.lasting_key("case")), now, most)

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
            When `after` is none that a page gave.
        NotYoursToSeeError
            When the filter names an account or a posting for a reader who may not see whom.
        """
        with self._store.read() as connection:
            return queue_page(connection, wanted, self._showing(sees_accounts), now, after, size)

    def case(self, case_id: str, now: datetime, *, sees_accounts: bool) -> Case:
        """A case with its findings and history.

        Raises
        ------
        NoSuchCaseError
            When there is no such case.
        """
        with self._store.read() as connection:
            return read_case(connection, case_id, self._showing(sees_accounts), now)

    def case_of(self, finding_id: str) -> str:
        """The id of the case that a finding belongs to.

        Raises
        ------
        NoSuchCaseError
            When no case has the finding.
        """
        with self._store.read() as connection:
            return case_of(connection, finding_id)

    def precedents(self, finding_id: str, *, sees_accounts: bool) -> Precedents:
        """What was decided before on findings like one.

        Raises
        ------
        NoSuchCaseError
            When no case has the finding.
        """
        with self._store.read() as connection:
            return read_precedents(connection, finding_id, self._showing(sees_accounts))

    def claim(self, case_id: str, who: str, now: datetime) -> datetime:
        """Take a case for `CLAIM` (an hour), and give the time at which that lapses; one's own claim begins anew.

        Raises
        ------
        HeldByAnotherError
            When somebody else holds it.
        NoSuchCaseError
            When there is no such case.
        """
        with self._act(who, now) as act:
            return claims.claim(act, case_id)

    def claim_next(
        self, wanted: QueueFilter, who: str, now: datetime, *, after: str | None = None, sees_accounts: bool
    ) -> str | None:
        """Take the most urgent case of a filter that nobody holds, and give its id; None where there is none.

        Parameters
        ----------
        after
            Case after which to look; None for the whole queue.
        """
        with self._act(who, now) as act:
            return claims.claim_next(act, wanted, self._showing(sees_accounts), after)

    def release(self, case_id: str, who: str, now: datetime) -> None:
        """Give back one's claim on a case; without a claim nothing happens.

        Raises
        ------
        HeldByAnotherError
            When somebody else holds it.
        """
        with self._act(who, now) as act:
            claims.release(act, case_id)

    def note(self, case_id: str, who: str, now: datetime, note: str) -> None:
        """Add a note to a case's history.

        Raises
        ------
        CaseRefusedError
            When the note is empty or longer than `LONGEST_NOTE`.
        """
        with self._act(who, now) as act:
            claims.note(act, case_id, note)

    def wait(self, case_id: str, until: date, who: str, now: datetime, note: str = "") -> None:
        """Put a case aside until the beginning of a day (UTC); a new finding opens it before.

        Raises
        ------
        CaseRefusedError
            When the day is not after today, or more than a year away, or the case is closed.
        HeldByAnotherError
            When somebody else holds it.
        """
        with self._act(who, now) as act:
            claims.wait(act, case_id, until, note)

    def decide(self, decision: Decision, who: str, now: datetime) -> Decided:
        """Decide on findings of a case; it is closed once all its findings are decided.

        The decision stands at once; its reviews lie in the drop, or follow with the next look at the book.

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
        return self._sent(self._decide(decision, who, now), now)

    def preview(
        self, case_ids: Sequence[str], outcome: str, reason: str, who: str, now: datetime, note: str = ""
    ) -> BulkPreview:
        """What deciding on all undecided findings of several cases would do; nothing is decided.

        Raises
        ------
        CaseRefusedError
            When there are more than `MOST_IN_BULK` cases, or the outcome or reason is none of the installation's.
        """
        outcome_of(self._settings, outcome, reason)
        _require_few(case_ids)
        with self._store.read() as connection:
            return preview(connection, case_ids, Decision("", {}, outcome, reason, note), who, now)

    def decide_many(self, decisions: Sequence[Decision], who: str, now: datetime) -> BulkDecided:
        """Take several decisions, each by itself; a refused one leaves its case as it was.

        Parameters
        ----------
        decisions
            Those of a preview.

        Raises
        ------
        CaseRefusedError
            When there are more than `MOST_IN_BULK`; nothing is decided then.
        """
        _require_few(decisions)
        batch_id, decided, refused = uuid.uuid4().hex, dict[str, Decided](), dict[str, CaseRefusedError]()
        for decision in decisions:
            try:
                decided[decision.case_id] = self._decide(decision, who, now, batch_id)
            except CaseRefusedError as error:
                refused[decision.case_id] = error
        self.deliver(now)
        return BulkDecided(batch_id, {name: self._as_sent(each) for name, each in decided.items()}, refused)

    def undo(self, decision_id: str, who: str, now: datetime) -> Decided:
        """Take a decision back: its findings are open again, and a later review says so; history keeps both.

        The review is `unsure`, or that of another decision that stands on the same check of the account, or posting.

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
        with self._act(who, now) as act:
            undone = [
                decisions.undo(act, part, self._settings) for part in decisions.parts_of(act.connection, decision_id)
            ]
        return self._sent(undone[-1], now)

    def decisions(self, first: datetime, last: datetime, *, sees_accounts: bool) -> list[DecisionRow]:
        """The decisions that were taken from `first` on and before `last`, the oldest first."""
        with self._store.read() as connection:
            wanted = (DECISIONS.c.at >= first, DECISIONS.c.at < last)
            return read_decisions(connection, self._showing(sees_accounts), *wanted)

    def backlog(self, now: datetime, *, sees_accounts: bool) -> list[BacklogSum]:
        """Sums over the cases that are not closed, by the day of their oldest finding, in order, state and holder."""
        with self._store.read() as connection:
            return backlog_sums(connection, self._showing(sees_accounts), now)

    def on_desk(self, wanted: DeskFilter, now: datetime, *, sees_accounts: bool) -> OnDesk:
        """How many cases are somebody's to look at, with the first of them."""
        with self._store.read() as connection:
            return on_desk(connection, wanted, self._showing(sees_accounts), now)

    def pseudonym(self, who: str) -> str:
        """What masked readers and addresses call somebody."""
        return self._showing(sees_accounts=False).person(who) or ""

    def holders(self, now: datetime) -> list[Holder]:
        """Who holds cases at a moment, by login; the first `MOST_HOLDERS`."""
        # Not `~is_closed`: SQLite would go through the whole backlog by its index, 0.8 s of 620,000 cases, rather than
        # through the few that somebody claimed by theirs.
        is_open = CASES.c.is_closed.is_not(sa.true())
        holds = (CASES.c.holder.is_not(None), CASES.c.held_until > now, is_open)
        query = sa.select(CASES.c.holder).where(*holds).distinct().order_by(CASES.c.holder).limit(MOST_HOLDERS)
        with self._store.read() as connection:
            found = [*connection.scalars(query)]
        return [Holder(who, self.pseudonym(who)) for who in found]

    def newest_event(self) -> int:
        """Number of what happened last to any case; it grows with everything that people or nights do."""
        with self._store.read() as connection:
            return connection.scalar(sa.select(sa.func.max(EVENTS.c.event_id))) or 0

    def deliver(self, now: datetime) -> int:
        """Put reviews into the drop that did not get there when they were decided, and give of how many decisions."""
        return deliver(self._store, self._lake_uri, self._settings, now)

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
        with self._act(who, now) as act:
            return snooze_of(snoozes.snooze(act, case_id, code, until, note), self._showing(True))

    def wake(self, snooze_id: str, who: str, now: datetime) -> None:
        """End a snooze.

        Raises
        ------
        NoSuchCaseError
            When there is no such snooze in force.
        """
        with self._act(who, now) as act:
            snoozes.wake(act, snooze_id)

    def propose_correction(self, finding_id: str, who: str, now: datetime, note: str = "") -> CorrectionRow:
        """Endorse the correction that the night proposes for a break.

        Raises
        ------
        CaseRefusedError
            When the finding has none, or one is proposed or approved already.
        """
        with self._act(who, now) as act:
            correction_id = corrections.propose(act, finding_id, note, self._settings)
            return self._correction(act.connection, correction_id)

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
        with self._act(who, now) as act:
            corrections.approve(act, correction_id)
            return self._correction(act.connection, correction_id)

    def refuse_correction(self, correction_id: str, who: str, now: datetime, note: str) -> CorrectionRow:
        """Refuse a proposed correction; whoever proposed it may take it back so.

        Raises
        ------
        CaseRefusedError
            When it is approved or refused already.
        """
        with self._act(who, now) as act:
            corrections.refuse(act, correction_id, note)
            return self._correction(act.connection, correction_id)

    def corrections(
        self, *states: CorrectionState, sees_accounts: bool, finding_id: str | None = None
    ) -> list[CorrectionRow]:
        """Corrections in these states (all where none is given), the oldest first; those of one finding, if asked."""
        wanted: list[sa.ColumnElement[bool]] = []
        if states:
            wanted.append(CORRECTIONS.c.state.in_([state.value for state in states]))
        if finding_id is not None:
            wanted.append(CORRECTIONS.c.finding_id == finding_id)
        with self._store.read() as connection:
            return read_corrections(connection, self._showing(sees_accounts), *wanted)

    def views(self, who: str) -> list[SavedView]:
        """A person's saved views, by name."""
        with self._store.read() as connection:
            return saved_views.views_of(connection, who)

    def save_view(self, who: str, view: SavedView) -> None:
        """Keep a view; one of the same name is replaced.

        Raises
        ------
        CaseRefusedError
            When its name is empty or too long, or the person has `MOST_VIEWS`.
        """
        with self._store.write() as connection:
            saved_views.save(connection, who, view)

    def forget_view(self, who: str, name: str) -> None:
        """Remove a saved view; without one of that name nothing happens."""
        with self._store.write() as connection:
            saved_views.forget(connection, who, name)

    def keep_search(self, search: NamedSearch, who: str, now: datetime) -> str:
        """Keep a search by an account or a posting for a day, audited, and give the random name that it has.

        Raises
        ------
        CaseRefusedError
            When a number is larger than any account or posting can have.
        """
        with self._act(who, now) as act:
            return searches.keep(act, search)

    def search(self, token: str, who: str, now: datetime) -> NamedSearch | None:
        """The search that a person kept under a name; None where its time is over or it is somebody else's."""
        with self._store.read() as connection:
            return searches.kept(connection, token, who, now)

    def _showing(self, sees_accounts: bool) -> Showing:
        return Showing(sees_accounts, lambda: self._keys, self._settings.masked_amount_step > 0)

    @cached_property
    def _keys(self) -> NameKeys:
        names = NameKeyStore.open(self._lake_uri, self._settings)
        return names.find() or names.get(has_nights=False)

    @cached_property
    def audit(self) -> AuditLog:
        """The audit log, for what is looked at, exported and unsealed; what is done here is in it by itself."""
        return AuditLog.open(self._lake_uri, self._settings)

    @contextmanager
    def _act(self, who: str, now: datetime) -> Iterator[Act]:
        """One transaction, whose entries of the audit log are counted beside the key once it is kept."""
        with writing(self._store) as connection:
            act = Act(connection, who, now, self.audit.chain)
            yield act
        if act.audited:
            self.audit.anchor(act.audited)

    def _decide(self, decision: Decision, who: str, now: datetime, batch_id: str | None = None) -> Decided:
        with self._act(who, now) as act:
            return decisions.decide(act, decision, self._settings, self._showing(True), batch_id)

    def _sent(self, decided: Decided, now: datetime) -> Decided:
        self.deliver(now)
        return self._as_sent(decided)

    def _as_sent(self, decided: Decided) -> Decided:
        with self._store.read() as connection:
            return replace(decided, is_sent=decisions.is_sent(connection, [decided.decision_id]))

    def _correction(self, connection: sa.Connection, correction_id: str) -> CorrectionRow:
        (found,) = read_corrections(connection, self._showing(True), CORRECTIONS.c.correction_id == correction_id)
        return found


def _require_few(chosen: Sequence[object]) -> None:
    if not 1 <= len(chosen) <= MOST_IN_BULK:
        raise CaseRefusedError(f"{len(chosen)} cases are chosen: choose 1 to {MOST_IN_BULK} at once")
