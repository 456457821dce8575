"""What each step of a night returns: JSON for Airflow's XCom, for `make night` and for the command line.

Dates, counts, names and sentences only, never a row and never a source's address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

from include.night.request import NightRequest

Step = Callable[[NightRequest], Mapping[str, object]]
"""A step of a night, whose result is one of the types below."""


class ExtractResult(TypedDict):
    """What was taken from the source: numbers of records, and what the reader has to say."""

    offered_rows: int
    history_rows: int
    notes: list[str]


class RestateResult(TypedDict):
    """The nights that were played again, and what is told of changes too old for that."""

    restated: list[str]
    late: list[str]


class ValidateResult(TypedDict):
    """What the gate warns of, and the counts of the night's transactions by their names in the manifest."""

    warnings: list[str]
    counts: dict[str, int]


class CheckResult(TypedDict):
    """The number of breaks by check, the checks that were left out, and what may explain many breaks."""

    breaks: dict[str, int]
    skipped: list[str]
    warnings: list[str]


class ScoreResult(TypedDict):
    """The number of flagged postings, and which model scored and why."""

    flagged: int
    model_version: str | None
    note: str


class ManifestSummary(TypedDict):
    """The summary of a published night, as its row of the manifest keeps it."""

    rows_in: int
    quarantined: int
    breaks: dict[str, int]
    flagged: int
    model: str
    skipped: list[str]
    warnings: list[str]
    late: list[str]
    restated: list[str]
    notices: list[str]


class PublishResult(ManifestSummary):
    """The summary, with the run that was published and the hash of its outputs."""

    run_key: str
    output_hash: str


class ExtractsResult(TypedDict):
    """The names of the extracts that were written and removed."""

    extracts: list[str]
    removed: list[str]


class ReportResult(ManifestSummary):
    """The summary, with the addresses of the night's Data Docs and of its sheet of alerts."""

    data_docs: str
    alerts_sheet: str


class NightResult(PublishResult, ReportResult):
    """Everything that is told of a night that was played from its first step to its last."""

    settlement_date: str
