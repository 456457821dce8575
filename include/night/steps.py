"""The first steps of a night; each reads what the steps before it left in the work folder, and may be run again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa

from include import features, settlement
from include.errors import MissingStateError
from include.lake import Lake
from include.lake.work_folder import clear_abandoned
from include.night import carried_state, erased_clients
from include.night.docs import publish_docs
from include.night.handoffs import Admitted, AdmittedHistory, Checked, Extracted, Lookback, NightReviews, RunStart
from include.night.late import totals_kept
from include.night.request import NightRequest
from include.night.results import CheckResult, ExtractResult, ValidateResult
from include.night.reviewing import reviews_of_night
from include.night.workspace import Workspace
from include.quality import Admission, RefusedError, admit
from include.relations import FIN_CLIENT, FIN_TRANSACTION, STATIC_RELATIONS
from include.security.envelope import require_key
from include.security.volume import warn_unless_encrypted
from include.sources import open_source
from include.sources.base import Source


def extract(request: NightRequest) -> ExtractResult:
    """Take the night's records, the static relations and the control totals from one snapshot of the source.

    Where the night before is not published, or an older version left its state, the whole history before the night
    comes along: the state is then built in one pass, and nothing is published on a hole.

    Raises
    ------
    KeyRefusedError, KeyUnavailableError
        When the key service does not seal or open: what a night costs is not spent before that is seen.
    """
    require_key(request.settings)
    warn_unless_encrypted(request.lake_uri, request.settings)
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri, request.settings)
    clear_abandoned(request.lake_uri)
    workspace.begin()
    start, extracted = _read_source(request, lake)
    start.save(workspace)
    extracted.save(workspace)
    reviews_of_night(request, lake, is_published=start.published_run is not None).save(workspace)
    return _result_of_extract(extracted)


def _read_source(request: NightRequest, lake: Lake) -> tuple[RunStart, Extracted]:
    night = request.night
    # Looked at before anything that depends on it: what is published meanwhile is found out by `publish`.
    published = lake.published(night)
    is_first = not (carried_state.has_predecessor(lake, night) and carried_state.knows_enough(lake, night))
    with open_source(request.source_uri, terms=request.settings.server_terms) as source:
        settlement.calendar_of(source.holidays)  # an unknown one stops the night before anything is read
        if is_first:
            _refuse_a_hole(source, lake, night)
        statics = {name: source.static(name) for name in STATIC_RELATIONS}
        extracted = Extracted(
            statics=statics,
            postings=source.night(night),
            history=source.history(before=night) if is_first else None,
        )
        start = RunStart(
            is_first=is_first,
            started_at=datetime.now(UTC),
            rounding_cents=source.rounding_cents,
            holidays=source.holidays,
            published_run=None if published is None else published["run_key"],
            totals=source.totals(before=night + carried_state.ONE_DAY),
        )
    return start, extracted


def _result_of_extract(extracted: Extracted) -> ExtractResult:
    # What is said of the transactions is read first.
    read = (extracted.postings, *extracted.statics.values())
    return {
        "offered_rows": extracted.postings.offered,
        "history_rows": extracted.history.offered if extracted.history else 0,
        "notes": [note for found in read if found for note in found.notes],
    }


def _refuse_a_hole(source: Source, lake: Lake, night: date) -> None:
    published = lake.manifest(last=night - carried_state.ONE_DAY)["settlement_date"].to_pylist()
    known = totals_kept(lake, max(published))["day"].to_pylist() if published else []
    span = source.span()
    if known and (span is None or span[0] > min(known)):
        if carried_state.has_predecessor(lake, night):
            raise MissingStateError(
                f"the state of the night before {night} was left by an older version, and the source begins on "
                f"{span[0] if span else 'no date'}, though the lake's nights rest on records from {min(known)} on: it "
                "cannot be rebuilt. Point the run at a source with those records, or begin with a lake of its own"
            )
        first_missing = max(published) + carried_state.ONE_DAY
        raise MissingStateError(
            f"the night before {night} was never published, and the source begins on {span[0] if span else 'no date'}, "
            f"though the lake's nights rest on records from {min(known)} on: its state cannot be rebuilt. Run the "
            f"nights from {first_missing} on in order (airflow backfill create, or make night DATE={first_missing}), "
            "then this one"
        )


def validate(request: NightRequest) -> ValidateResult:
    """Let in what the expectations allow; quarantine rows, stop on a broken relation, before anything is published."""
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri, request.settings)
    extracted, reviews = Extracted.load(workspace), NightReviews.load(workspace)
    try:
        history = _admitted_history(extracted, request.night)
        lookback = _lookback(request, history, lake)
        admission = admit(extracted.relations, request.night, lookback)
    except RefusedError as refusal:
        publish_docs(request, refusal.results)
        raise
    Lookback(lookback).save(workspace)
    admitted = _admitted(admission, history, reviews, request.night)
    erased = erased_clients.warnings_of(request, extracted.statics[FIN_CLIENT.name])
    admitted = replace(admitted, warnings=(*admitted.warnings, *erased))
    admitted.save(workspace)
    if history is not None:
        AdmittedHistory(history.accepted[FIN_TRANSACTION.name], history.quarantined).save(workspace)
    return {"warnings": list(admitted.warnings), "counts": admitted.counts.as_dict()}


def _admitted_history(extracted: Extracted, night: date) -> Admission | None:
    """What is let in of the history that a first night brings along; None on other nights."""
    if extracted.history is None:
        return None
    try:
        return admit({FIN_TRANSACTION.name: extracted.history}, None)
    except RefusedError:
        # Where the night is refused as well its own relations are to be named.
        admit(extracted.relations, night)
        raise


def _lookback(request: NightRequest, history: Admission | None, lake: Lake) -> pa.Table:
    night, days = request.night, features.reach_days(request.settings.lookback_days)
    if history is not None:
        return carried_state.lookback_from_history(history.accepted[FIN_TRANSACTION.name], night, days)
    return carried_state.lookback_from_lake(lake, night, days)


def _admitted(admission: Admission, history: Admission | None, reviews: NightReviews, night: date) -> Admitted:
    of_statics = set_aside(admission, STATIC_RELATIONS, "the night")
    of_history = set_aside(history, [FIN_TRANSACTION.name], f"what lies before {night}") if history else []
    return Admitted(
        accepted=admission.accepted,
        quarantined=pa.concat_tables([admission.quarantined, reviews.refused]),
        counts=admission.counts,
        warnings=(*admission.warnings, *reviews.warnings, *of_statics, *of_history),
        results=admission.results,
    )


def set_aside(admission: Admission, relations: Iterable[str], where: str) -> list[str]:
    """Sentences on records that were not let in, of relations that the night's counts do not tell of.

    Parameters
    ----------
    admission
        Answer of the gate.
    relations
        Names of the relations.
    where
        What does without the records, for the sentence.
    """
    counts = {name: admission.by_relation[name] for name in relations if name in admission.by_relation}
    return [
        f"{name}: {count.refused_rows} of {count.offered_rows} records were not let in and {where} does without them"
        for name, count in counts.items()
        if count.refused_rows
    ]


def check_settlement(request: NightRequest) -> CheckResult:
    """Check what must hold, and move the checks' state over the night."""
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri, request.settings)
    start, admitted = RunStart.load(workspace), Admitted.load(workspace)
    state = _settlement_state(start, admitted, AdmittedHistory.find(workspace), lake, request.night)
    recent = carried_state.lookback_from_history(
        Lookback.load(workspace).postings, request.night, request.settings.lookback_days
    )
    checked = _checked(start, admitted, recent, state, request.night)
    checked.save(workspace)
    return {
        "breaks": _by_code(checked.breaks),
        "skipped": list(checked.skipped),
        "warnings": list(checked.warnings),
    }


def _settlement_state(
    start: RunStart, admitted: Admitted, history: AdmittedHistory | None, lake: Lake, night: date
) -> settlement.SettlementState:
    """The checks' state as of the day before the night."""
    if history is None:
        kept = carried_state.state_from_lake(lake, night, settlement.STATE_SCHEMAS)
        return settlement.SettlementState.from_tables(kept)
    declared = (start.rounding_cents, start.holidays)
    return settlement.state_from_history(history.postings, admitted.statics, night, *declared, history.refused)


def _checked(
    start: RunStart, admitted: Admitted, recent: pa.Table, state: settlement.SettlementState, night: date
) -> Checked:
    findings = settlement.check_night(
        night,
        admitted.postings,
        recent,
        admitted.statics,
        state,
        start.rounding_cents,
        start.holidays,
        admitted.quarantined,
    )
    return Checked(
        breaks=findings.breaks,
        state_before=state.tables(),
        state_after=findings.state.tables(),
        skipped=findings.skipped,
        warnings=findings.warnings,
    )


def _by_code(breaks: pa.Table) -> dict[str, int]:
    codes = breaks["check_code"].to_pylist()
    return {code: codes.count(code) for code in sorted(set(codes))}
