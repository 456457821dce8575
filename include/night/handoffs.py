"""What the steps of a night leave for each other in the run's work folder, as types that save and load themselves."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import date, datetime
from typing import Any, Self, get_type_hints

import pyarrow as pa
from pydantic import TypeAdapter

from include.night.workspace import Workspace
from include.quality import Counts, SuiteResult
from include.relations import FIN_TRANSACTION, RELATIONS, STATIC_RELATIONS
from include.sources.base import Extract

Tables = dict[str, pa.Table]
"""Tables by name."""

_HISTORY = "history"


class Handoff:
    """Base of the hand-offs that consist of tables and plain values; a subclass is a frozen dataclass.

    A field that is a table, or tables by name, is kept as Parquet; all others together as one JSON note. The note is
    written last, so that a save that is cut short leaves no hand-off where there was none.
    """

    def save(self, workspace: Workspace) -> None:
        """Keep the hand-off in the work folder, in place of what an earlier try left."""
        name, plain = _name(type(self)), {}
        for field, kind in _kinds(type(self)).items():
            value = getattr(self, field)
            if kind is pa.Table:
                workspace.put(f"{name}.{field}", value)
            elif kind == Tables:
                workspace.put_many(f"{name}.{field}", value)
            else:
                plain[field] = asdict(value) if is_dataclass(value) else value  # type: ignore[arg-type]
        workspace.note(name, plain)

    @classmethod
    def load(cls, workspace: Workspace) -> Self:
        """The hand-off as the step before left it.

        Raises
        ------
        MissingStateError
            When there is none, because the earlier steps did not run or the folder was removed since.
        """
        name = _name(cls)
        plain, values = workspace.read_note(name), {}
        for field, kind in _kinds(cls).items():
            if kind is pa.Table:
                values[field] = workspace.get(f"{name}.{field}")
            elif kind == Tables:
                values[field] = workspace.get_many(f"{name}.{field}")
            else:
                values[field] = TypeAdapter(kind).validate_python(plain[field])
        return cls(**values)

    @classmethod
    def find(cls, workspace: Workspace) -> Self | None:
        """The hand-off, or None where no step left one."""
        return cls.load(workspace) if workspace.has_note(_name(cls)) else None


@dataclass(frozen=True)
class RunStart(Handoff):
    """What a run knows from its beginning on.

    Attributes
    ----------
    is_first
        Whether the state is built from the source's history, because the night before left none that can be used.
    started_at
        When the source was read.
    rounding_cents
        Rounding of the source's balances in cents.
    holidays
        Code of the calendar that the source's address declares; None where it declares none.
    published_run
        Key of the run that was published for the night when this one began; None where none was.
    totals
        Control totals of the source up to the night (`TOTALS`).
    """

    is_first: bool
    started_at: datetime
    rounding_cents: int
    holidays: str | None
    published_run: str | None
    totals: pa.Table


@dataclass(frozen=True)
class Extracted:
    """The records of one snapshot of the source, before anything is let in.

    Attributes
    ----------
    statics
        Static relations by name; None where the source lacks one.
    postings
        Transactions of the night.
    history
        Transactions before a first night; None on other nights.
    """

    statics: dict[str, Extract | None]
    postings: Extract
    history: Extract | None

    @property
    def relations(self) -> dict[str, Extract | None]:
        """The static relations and the night's transactions by name."""
        return {**self.statics, FIN_TRANSACTION.name: self.postings}

    def save(self, workspace: Workspace) -> None:
        """Keep the records in the work folder, and last which of them there are."""
        found = {name: extract for name, extract in self._by_name().items() if extract is not None}
        for name, extract in found.items():
            _save_extract(workspace, name, extract)
        workspace.note(_name(Extracted), sorted(found))

    @classmethod
    def load(cls, workspace: Workspace) -> Self:
        """The records as `extract` left them; raises as `Handoff.load`."""
        kept = workspace.read_note(_name(Extracted))
        statics = {name: _load_extract(workspace, name) if name in kept else None for name in STATIC_RELATIONS}
        history = _load_extract(workspace, _HISTORY) if _HISTORY in kept else None
        return cls(statics, _load_extract(workspace, FIN_TRANSACTION.name), history)

    def _by_name(self) -> dict[str, Extract | None]:
        return {**self.relations, _HISTORY: self.history}


@dataclass(frozen=True)
class NightReviews(Handoff):
    """The reviews that a night takes in, and all that it knows.

    Attributes
    ----------
    taken
        Reviews that the night takes in itself (`REVIEWS_SCHEMA`).
    refused
        Invalid rows of review files (`QUARANTINE_SCHEMA`).
    known
        Reviews that the night knows, those of earlier nights among them (`REVIEWS_SCHEMA`).
    findings
        What had been published of the postings that the known reviews are about (`FINDINGS_SCHEMA`).
    nights
        Nights whose reviews and findings the night knows, itself among them.
    settled
        Files that no later night needs, as pairs of the path and the path to put the file away to.
    warnings
        Sentences on files and rows that could not be taken in.
    """

    taken: pa.Table
    refused: pa.Table
    known: pa.Table
    findings: pa.Table
    nights: tuple[date, ...]
    settled: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Restated(Handoff):
    """What late records made of earlier nights.

    Attributes
    ----------
    nights
        Nights that were played again.
    late
        Sentences on changes of settlement dates that are too old to be restated.
    """

    nights: tuple[date, ...] = ()
    late: tuple[str, ...] = ()


@dataclass(frozen=True)
class Admitted(Handoff):
    """What the gate let in and what it did not.

    Attributes
    ----------
    accepted
        Accepted rows by relation.
    quarantined
        Refused rows, those of review files among them (`QUARANTINE_SCHEMA`).
    counts
        Counts of the night's transactions.
    warnings
        Sentences for people.
    results
        Verdicts of the relations' suites.
    """

    accepted: Tables
    quarantined: pa.Table
    counts: Counts
    warnings: tuple[str, ...]
    results: tuple[SuiteResult, ...]

    @property
    def postings(self) -> pa.Table:
        """The accepted transactions of the night."""
        return self.accepted[FIN_TRANSACTION.name]

    @property
    def statics(self) -> Tables:
        """The accepted static relations by name."""
        return {name: rows for name, rows in self.accepted.items() if name in STATIC_RELATIONS}


@dataclass(frozen=True)
class Lookback(Handoff):
    """The accepted transactions of the days before the night.

    A large bank has a million of them (240 MB), so each reader loads them by themselves, and lets them go.
    """

    postings: pa.Table


@dataclass(frozen=True)
class AdmittedHistory(Handoff):
    """What the gate made of the transactions before a first night; other nights have none.

    Attributes
    ----------
    postings
        Accepted transactions.
    refused
        Refused rows (`QUARANTINE_SCHEMA`).
    """

    postings: pa.Table
    refused: pa.Table


@dataclass(frozen=True)
class Checked(Handoff):
    """What the settlement checks found.

    Attributes
    ----------
    breaks
        What must hold and does not (`BREAKS_SCHEMA`).
    state_before, state_after
        State of the checks as of the day before and as of the night, by table.
    skipped
        Sentences on checks that were left out.
    warnings
        Sentences that may explain many breaks at once.
    """

    breaks: pa.Table
    state_before: Tables
    state_after: Tables
    skipped: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Scored(Handoff):
    """What the night's model, and the watch over it, found.

    Attributes
    ----------
    scores
        Scores of the night's postings (`SCORES_SCHEMA`); no rows where no model scores.
    earlier
        Scores of the nights that share the alert budget (`EARLIER_SCHEMA`).
    profile, refresh_rows
        The night's profile, and its rows for refreshes of the champion.
    notices
        What the watch tells of volume, drift and performance (`NOTICES_SCHEMA`).
    state_before, state_after
        State of the features as of the day before and as of the night, by table.
    model_version
        None where no model scores.
    model_note
        Which model scores, and why it is this one or none.
    warnings
        Sentences for people.
    budget_since
        First night that shares the alert budget.
    watched_since
        First night that the watch compares with.
    watch_figures
        Figures of the watch, see `include.monitoring.watch.Watched`.
    """

    scores: pa.Table
    earlier: pa.Table
    profile: pa.Table
    refresh_rows: pa.Table
    notices: pa.Table
    state_before: Tables
    state_after: Tables
    model_version: str | None
    model_note: str
    warnings: tuple[str, ...]
    budget_since: date
    watched_since: date
    watch_figures: dict[str, Any]


@dataclass(frozen=True)
class Described(Handoff):
    """The features that the night's model saw, for the table of features.

    A night of 240,000 postings has 83 MB of them, so they are kept when they are made, and loaded when they are
    written.

    Attributes
    ----------
    features
        The feature catalog's columns of each posting (`FEATURES_SCHEMA`); no rows where no model scores.
    """

    features: pa.Table


@dataclass(frozen=True)
class Verdicts(Handoff):
    """The verdicts of all suites that the night was held against, for the Data Docs."""

    results: tuple[SuiteResult, ...]


def _name(kind: type) -> str:
    return kind.__name__.lower()


def _kinds(handoff: type[Handoff]) -> dict[str, Any]:
    """The type of each field of a hand-off."""
    hints = get_type_hints(handoff)
    return {field.name: hints[field.name] for field in fields(handoff)}  # type: ignore[arg-type]


def _save_extract(workspace: Workspace, name: str, extract: Extract) -> None:
    workspace.put(f"extracted.{name}.rows", extract.rows)
    workspace.put(f"extracted.{name}.unreadable", extract.unreadable)
    described = {
        "relation": extract.relation.name,
        "notes": extract.notes,
        "absent_columns": sorted(extract.absent_columns),
        "explanations": dict(extract.explanations),
    }
    workspace.note(f"extracted.{name}", described)


def _load_extract(workspace: Workspace, name: str) -> Extract:
    described = workspace.read_note(f"extracted.{name}")
    return Extract(
        relation=RELATIONS[described["relation"]],
        rows=workspace.get(f"extracted.{name}.rows"),
        unreadable=workspace.get(f"extracted.{name}.unreadable"),
        notes=tuple(described["notes"]),
        absent_columns=frozenset(described["absent_columns"]),
        explanations=described["explanations"],
    )
