"""What the case book gives back: the queue, a case with its findings and history, decisions and corrections.

Each has two forms. Whoever sees accounts gets numbers and full sentences; others get pseudonyms, the sentences and
amounts of the masked tables, pseudonyms of colleagues, and nobody's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self

from include.cases.refusals import CaseRefusedError, Change
from include.cases.terms import UNFINISHED, CaseState, CorrectionState, EventKind


@dataclass(frozen=True)
class QueueFilter:
    """Which cases the queue shows; what is left empty does not choose.

    A case is shown when one of its findings has all that is asked of findings.

    Attributes
    ----------
    first_night, last_night
        Settlement dates of the finding, both inclusive.
    codes, kinds
        Codes (check, or strongest reason) and kinds (`break`, `score` ...) of the finding.
    least_amount, most_amount
        Bounds of the finding's amount, whatever its sign.
    district
        District of the account as it is shown.
    account, posting
        Numbers of the account and of the finding's posting; only for those who see accounts.
    search
        Number of an account or a posting, for those who see accounts; or the id of a case or a finding.
    states
        States of the case.
    holder
        Who holds the case.
    is_free
        Whether only cases are shown that nobody holds.
    """

    first_night: date | None = None
    last_night: date | None = None
    codes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    least_amount: Decimal | None = None
    most_amount: Decimal | None = None
    district: str = ""
    account: int | None = None
    posting: int | None = None
    search: str = ""
    states: tuple[CaseState, ...] = UNFINISHED
    holder: str = ""
    is_free: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The filter as JSON has it, without what is left empty."""
        found: dict[str, Any] = {
            "first_night": self.first_night and self.first_night.isoformat(),
            "last_night": self.last_night and self.last_night.isoformat(),
            "codes": list(self.codes),
            "kinds": list(self.kinds),
            "least_amount": None if self.least_amount is None else str(self.least_amount),
            "most_amount": None if self.most_amount is None else str(self.most_amount),
            "district": self.district,
            "account": self.account,
            "posting": self.posting,
            "search": self.search,
            "states": [state.value for state in self.states],
            "holder": self.holder,
            "is_free": self.is_free or None,
        }
        return {name: value for name, value in found.items() if value not in (None, "", [])}

    @classmethod
    def of_dict(cls, given: Mapping[str, Any]) -> Self:
        """The filter of JSON that `as_dict` gave."""
        read: Mapping[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("first_night", "last_night"), date.fromisoformat),
            **dict.fromkeys(("least_amount", "most_amount"), Decimal),
            **dict.fromkeys(("codes", "kinds"), tuple),
            "states": lambda states: tuple(CaseState(state) for state in states),
        }
        found = {name: read.get(name, lambda value: value)(value) for name, value in given.items()}
        return cls(**{"states": (), **found})


@dataclass(frozen=True)
class RankPart:
    """One part of a case's place in the queue.

    Attributes
    ----------
    name
        `money`, `sureness` or `age`.
    points
        Points that it gives.
    text
        The part in words, such as "12,500.00 at stake".
    """

    name: str
    points: float
    text: str


@dataclass(frozen=True)
class QueueRow:
    """A case in the queue.

    Attributes
    ----------
    case_id
        Opaque name of the case, fit for links.
    state
        Where it stands now.
    account
        Number of the account, or its pseudonym; None for a finding on the bank as a whole.
    headline, headline_finding_id
        Sentence and id of its most urgent finding; the sentence is None where masked tables hold none.
    severity
        Severity of that finding.
    codes
        Codes of its findings that are not decided, or of all where everything is.
    findings
        Number of its findings that are not decided and still found.
    money
        Money at stake in these, in the source's money; each posting counts once.
    sureness
        How sure the surest of them is, 0 to 1.
    oldest, newest
        First and last settlement date of these.
    district
        District of the account as it is shown; None where too few people share it.
    holder, held_until
        Who looks at it, and when that claim lapses; None without a claim.
    waits_until
        When a waiting case is open again.
    decided
        Outcome of its latest decision that stands; None without one.
    clearing
        What may have cleared one of its breaks, as a sentence; None where nothing has.
    rank_parts
        Why the case stands where it does.
    """

    case_id: str
    state: CaseState
    account: str | None
    headline: str | None
    headline_finding_id: str
    severity: str
    codes: tuple[str, ...]
    findings: int
    money: Decimal
    sureness: float
    oldest: date
    newest: date
    district: str | None
    holder: str | None
    held_until: datetime | None
    waits_until: datetime | None
    decided: str | None
    clearing: str | None
    rank_parts: tuple[RankPart, ...]


@dataclass(frozen=True)
class Holder:
    """Somebody who holds cases.

    Attributes
    ----------
    who
        The login.
    name
        Its pseudonym, fit for addresses.
    """

    who: str
    name: str


@dataclass(frozen=True)
class BacklogSum:
    """Cases that are not closed, of one day, state and holder.

    Attributes
    ----------
    oldest
        First settlement date of their findings that are not decided.
    state
        Where they stand now.
    holder, first_lapse
        Who looks at them, and when the first of these claims lapses; None without a claim.
    cases, money
        Number of cases, and money at stake in them.
    """

    oldest: date
    state: CaseState
    holder: str | None
    cases: int
    money: Decimal
    first_lapse: datetime | None


@dataclass(frozen=True)
class DeskFilter:
    """Which of the cases that are not closed, and that nobody else holds, are somebody's to look at.

    Attributes
    ----------
    who
        The person.
    most
        Largest number of findings that are named.
    newer_than
        Their newest finding is of a later settlement date; None where any will do.
    oldest_between
        First and last settlement date of their oldest finding, both included; None where any will do.
    with_waiting
        Whether cases that wait for a day belong to them.
    """

    who: str
    most: int
    newer_than: date | None = None
    oldest_between: tuple[date, date] | None = None
    with_waiting: bool = False


@dataclass(frozen=True)
class OnDesk:
    """Cases that are somebody's to look at.

    Attributes
    ----------
    cases, money
        Number of cases, and money at stake in them.
    findings
        Ids of the findings that the most urgent of them begin with, in the order of the queue.
    """

    cases: int
    money: Decimal
    findings: tuple[str, ...]


@dataclass(frozen=True)
class QueuePage:
    """One page of the queue.

    Attributes
    ----------
    rows
        Cases, the most urgent first.
    after
        What to ask for to get the next page; None on the last.
    count
        Number of cases that the filter leaves, `MOST_COUNTED` at most.
    is_capped
        Whether there are more than that.
    """

    rows: tuple[QueueRow, ...]
    after: str | None
    count: int
    is_capped: bool


@dataclass(frozen=True)
class CaseFinding:
    """A finding as its case has it.

    Attributes
    ----------
    finding_id, settlement_date, kind, code, severity, score, feature
        As in `mart_findings`.
    trans_id
        Number of the posting, or its pseudonym.
    amount
        Money at stake; rounded for masked readers where the installation rounds.
    text
        The sentence; None where masked tables hold none.
    seen
        What a person who decides has seen of it, to be handed back with the decision.
    is_gone
        Whether the night no longer finds it.
    is_snoozed
        Whether its check is snoozed on the account.
    outcome, decision_id
        Outcome of the decision that stands, and its id; None without one.
    review_state
        `open`, `confirmed`, `dismissed` or `unsure`, by the decision that stands or by a review from elsewhere.
    correction
        Proposed correction of a break: `action`, `trans_id`, `field` and `value`; None without one.
    cleared_by
        What may have cleared the break, as a sentence; None where nothing has.
    changes
        What restated nights changed of it, the latest last.
    """

    finding_id: str
    settlement_date: date
    kind: str
    code: str
    severity: str
    trans_id: str | None
    amount: Decimal | None
    score: float | None
    feature: str | None
    text: str | None
    seen: str
    is_gone: bool
    is_snoozed: bool
    outcome: str | None
    decision_id: str | None
    review_state: str
    correction: Mapping[str, Any] | None
    cleared_by: str | None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Event:
    """Something that happened to a case.

    Attributes
    ----------
    at
        When.
    who
        Who did it; empty where a night did.
    kind
        What it was.
    text
        What happened in words, without identifiers.
    note
        The person's own words; None where there are none or the reader may not see whom.
    """

    at: datetime
    who: str
    kind: EventKind
    text: str
    note: str | None = None


@dataclass(frozen=True)
class DecisionRow:
    """A decision that was taken.

    Attributes
    ----------
    decision_id, case_id
        Ids.
    outcome, review_decision, reason
        Outcome, the decision of reviews that it stands for, and the code of the reason.
    note
        The person's own words; None for masked readers.
    who, at
        Who decided, and when.
    acts_from
        First settlement date whose night acts on it; None for findings on which no night acts.
    is_sent
        Whether its reviews lie in the drop.
    undone_by, undone_at
        Who took it back, and when; None while it stands.
    finding_ids
        Findings that it is about.
    batch_id
        Name of the bulk decision that it is part of; None for one by itself.
    """

    decision_id: str
    case_id: str
    outcome: str
    review_decision: str
    reason: str
    note: str | None
    who: str
    at: datetime
    acts_from: date | None
    is_sent: bool
    undone_by: str | None
    undone_at: datetime | None
    finding_ids: tuple[str, ...]
    batch_id: str | None


@dataclass(frozen=True)
class Snooze:
    """A check that is quiet on one account until a day, a larger amount or another check."""

    snooze_id: str
    case_id: str
    code: str
    until: datetime
    who: str
    at: datetime


@dataclass(frozen=True)
class CorrectionRow:
    """A correction that was proposed for the bank's ledger, which this system never writes.

    Attributes
    ----------
    correction_id, finding_id, case_id
        Ids.
    state
        Where it stands.
    account, trans_id
        Numbers, or pseudonyms for masked readers; None where there is none.
    action, field, value
        What is to be done: `set` a field, `delete` a posting or `insert` one; the value is None for masked readers
        where the installation rounds.
    amount
        Money that it moves.
    settlement_date, code
        Night and check of the break.
    proposed_by, proposed_at, note
        Who endorsed it, when and why.
    approved_by
        Who approved it, in order.
    needed
        Number of different people that must approve it.
    refused_by, closed_at
        Who refused it; when it was approved, refused or replaced.
    outdated
        What the night says otherwise since it was proposed; empty while it is right, or where it was refused or
        replaced.
    """

    correction_id: str
    finding_id: str
    case_id: str
    state: CorrectionState
    account: str | None
    trans_id: str | None
    action: str
    field: str | None
    value: str | None
    amount: Decimal
    settlement_date: date
    code: str
    proposed_by: str
    proposed_at: datetime
    note: str | None
    approved_by: tuple[str, ...]
    needed: int
    refused_by: str | None
    closed_at: datetime | None
    outdated: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Case:
    """A case with everything that belongs to it.

    Attributes
    ----------
    row
        What the queue shows of it.
    findings
        Its findings, the undecided and most urgent first; the `MOST_SHOWN` newest.
    findings_in_all
        Number of all its findings.
    events
        Its history, the newest first.
    decisions
        Decisions on it, the newest first.
    snoozes
        Snoozes of its checks that are in force.
    corrections
        Corrections that were proposed in it.
    """

    row: QueueRow
    findings: tuple[CaseFinding, ...]
    findings_in_all: int
    events: tuple[Event, ...]
    decisions: tuple[DecisionRow, ...]
    snoozes: tuple[Snooze, ...]
    corrections: tuple[CorrectionRow, ...]


@dataclass(frozen=True)
class Decision:
    """What a person decides on findings of one case.

    Attributes
    ----------
    case_id
        The case.
    seen
        `CaseFinding.seen` of each finding that is decided, by finding id. Findings that are not named stay open.
    outcome, reason
        One of the installation's outcomes, and one of its reasons.
    note
        The person's own words, `LONGEST_NOTE` characters at most.
    """

    case_id: str
    seen: Mapping[str, str]
    outcome: str
    reason: str
    note: str = ""


@dataclass(frozen=True)
class Decided:
    """A decision that was taken.

    Attributes
    ----------
    decision_id
        Its id, by which it can be undone.
    acts_from
        First settlement date whose night acts on it; None where no night does, as it is about the bank as a whole.
    is_sent
        Whether its reviews lie in the drop already; if not, the next call sends them.
    left_open
        Number of findings of the case that remain undecided.
    """

    decision_id: str
    acts_from: date | None
    is_sent: bool
    left_open: int


@dataclass(frozen=True)
class BulkPreview:
    """What a bulk decision would do.

    Attributes
    ----------
    decisions
        The decisions as they would be taken, with what is seen now.
    findings
        Number of findings that they are about.
    money
        Money at stake in these.
    refused
        Cases on which nothing would be decided, each with its sentence.
    """

    decisions: tuple[Decision, ...]
    findings: int
    money: Decimal
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BulkDecided:
    """What a bulk decision did.

    Attributes
    ----------
    batch_id
        Its id, by which all of it can be undone.
    decided
        Decisions by case.
    refused
        Refusals by case; these cases are as they were.
    """

    batch_id: str
    decided: Mapping[str, Decided]
    refused: Mapping[str, CaseRefusedError]


@dataclass(frozen=True)
class SavedView:
    """A filter that a person keeps under a name."""

    name: str
    wanted: QueueFilter


@dataclass(frozen=True)
class Followed:
    """What following the lake brought.

    Attributes
    ----------
    nights
        Settlement dates that were taken in, new or restated.
    nights_left
        Number of published nights that a later call takes in.
    opened, joined, changed, gone
        Number of cases that were opened, and of findings that joined cases, changed or are no longer found.
    """

    nights: tuple[date, ...] = ()
    nights_left: int = 0
    opened: int = 0
    joined: int = 0
    changed: int = 0
    gone: int = 0


@dataclass(frozen=True)
class Precedents:
    """What was decided before on findings like one.

    Attributes
    ----------
    of_account
        Decisions on findings of the same account and code, the newest first.
    confirmed, dismissed, unsure
        Number of findings of the code, on any account, by the decision that stands.
    """

    of_account: tuple[DecisionRow, ...]
    confirmed: int
    dismissed: int
    unsure: int
