"""The night as a sequence of named steps; each reads what the step before it left and may be run again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from include import features, learning, settlement
from include.errors import MissingStateError
from include.lake import Lake
from include.lake.tables import SCORES_SCHEMA
from include.lake.work_folder import clear_abandoned
from include.models.model import Model
from include.night import carried_state
from include.night.docs import publish_docs
from include.night.extracts import HISTORY, HISTORY_REFUSED, get_extract, put_extract
from include.night.late import totals_kept
from include.night.modelling import model_for
from include.night.request import NightRequest
from include.night.reviewing import PUBLISHED_RUN, REFUSED, TAKEN_IN, review_effects, take_in_reviews
from include.night.watching import watch_over
from include.night.workspace import Workspace
from include.quality import Admission, RefusedError, SuiteResult, admit, check_scores
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.reviews import ReviewEffects
from include.scoring import Sight, score_night
from include.settings import get_settings
from include.sources import open_source
from include.sources.base import Extract, Source

Figures = dict[str, Any]


def extract(request: NightRequest) -> Figures:
    """Take the night's records, the static relations and the control totals from one snapshot of the source.

    Where the night before is not published, or an older version left its state, the whole history before the night
    comes along: the state is then built in one pass, and nothing is published on a hole.
    """
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri)
    clear_abandoned(request.lake_uri)
    workspace.begin()
    # Looked at before anything that depends on it: what is published meanwhile is found out by `publish`.
    published = lake.published(request.night)
    is_first = not (
        carried_state.has_predecessor(lake, request.night) and carried_state.knows_enough(lake, request.night)
    )
    with open_source(request.source_uri, timeout_seconds=get_settings().source_timeout_seconds) as source:
        settlement.calendar_of(source.holidays)  # an unknown one stops the night before anything is read
        if is_first:
            _refuse_a_hole(source, lake, request.night)
        statics = {name: source.static(name) for name in STATIC_RELATIONS}
        for name, found in statics.items():
            put_extract(workspace, name, found)
        offered = source.night(request.night)
        put_extract(workspace, FIN_TRANSACTION.name, offered)
        history = source.history(before=request.night) if is_first else None
        put_extract(workspace, HISTORY, history)
        workspace.put("totals", source.totals(before=request.night + carried_state.ONE_DAY))
        began = {
            "is_first": is_first,
            "started_at": datetime.now(UTC),
            "rounding_cents": source.rounding_cents,
            "holidays": source.holidays,
        }
    workspace.note("began", {**began, PUBLISHED_RUN: None if published is None else published["run_key"]})
    take_in_reviews(request, workspace, lake)
    notes = [note for found in (offered, *statics.values()) if found for note in found.notes]
    return {"offered_rows": offered.offered, "history_rows": history.offered if history else 0, "notes": notes}


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


def gate(request: NightRequest) -> Figures:
    """Let in what the expectations allow; quarantine rows, stop on a broken relation, before anything is published."""
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri)
    extracts = {name: get_extract(workspace, name) for name in (*STATIC_RELATIONS, FIN_TRANSACTION.name)}
    try:
        past = _admitted_history(workspace, extracts, request.night)
        lookback = _lookback(past, lake, request.night)
        admission = admit(extracts, request.night, lookback)
    except RefusedError as refusal:
        publish_docs(request, refusal.results)
        raise
    workspace.put_many("accepted", admission.accepted)
    workspace.put("lookback", lookback)
    workspace.put("quarantined", pa.concat_tables([admission.quarantined, workspace.get(REFUSED)]))
    reviewed = workspace.read_note(TAKEN_IN)["warnings"]
    warnings = [*admission.warnings, *reviewed, *set_aside(admission, STATIC_RELATIONS, "the night")]
    if past is not None:
        workspace.put(HISTORY, past.accepted[FIN_TRANSACTION.name])
        workspace.put(HISTORY_REFUSED, past.quarantined)
        warnings += set_aside(past, [FIN_TRANSACTION.name], f"what lies before {request.night}")
    notes = {"warnings": warnings, "counts": admission.counts.as_dict()}
    workspace.note("gate", {**notes, "results": list(admission.results)})
    return notes


def _admitted_history(workspace: Workspace, extracts: dict[str, Extract | None], night: date) -> Admission | None:
    """What is let in of the history that a first night brings along; None on other nights."""
    history = get_extract(workspace, HISTORY)
    try:
        return None if history is None else admit({FIN_TRANSACTION.name: history}, None)
    except RefusedError:
        # Where the night is refused as well its own relations are to be named.
        admit(extracts, night)
        raise


def set_aside(admission: Admission, relations: Iterable[str], where: str) -> list[str]:
    """What was not let in of relations that the night's counts do not tell of, in sentences."""
    counts = {name: admission.by_relation[name] for name in relations if name in admission.by_relation}
    return [
        f"{name}: {count.refused_rows} of {count.offered_rows} records were not let in and {where} does without them"
        for name, count in counts.items()
        if count.refused_rows
    ]


def settle(request: NightRequest) -> Figures:
    """Check what must hold, and move the checks' state over the night."""
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri)
    accepted = workspace.get_many("accepted")
    postings, statics = accepted[FIN_TRANSACTION.name], _statics(accepted)
    state = _settlement_state(workspace, lake, request.night, statics)
    lookback = carried_state.lookback_from_history(
        workspace.get("lookback"), request.night, get_settings().lookback_days
    )
    rounding, holidays = _rounding(workspace), _holidays(workspace)
    refused = workspace.get("quarantined")
    findings = settlement.check_night(request.night, postings, lookback, statics, state, rounding, holidays, refused)
    workspace.put("breaks", findings.breaks)
    workspace.put_many("state.before.settlement", state.tables())
    workspace.put_many("state.after.settlement", findings.state.tables())
    told = {"skipped": list(findings.skipped), "warnings": list(findings.warnings)}
    workspace.note("settle", told)
    return {"breaks": _by_code(findings.breaks), **told}


def score(request: NightRequest) -> Figures:
    """Score what is unusual with the night's model, say why, and move the features' state over the night."""
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri)
    accepted = workspace.get_many("accepted")
    postings, statics = accepted[FIN_TRANSACTION.name], _statics(accepted)
    state = _feature_state(workspace, lake, request.night)
    history = workspace.get(HISTORY) if workspace.has(HISTORY) else None
    choice = model_for(request, lake, history, statics, _rounding(workspace))
    since = carried_state.budget_since(lake, request.night)
    workspace.put("scores.before", carried_state.scores_between(lake, since, request.night))
    effects = review_effects(workspace, request)
    scored = _Scoring.nothing() if choice.model is None else _scored(request, workspace, choice.model, state, effects)
    workspace.put("scores", scored.scores)
    workspace.put("profile", scored.refresh.profile)
    workspace.put("refresh", scored.refresh.rows)
    watch_over(workspace, lake, request.night, choice.model, effects.decisions)
    workspace.put_many("state.before.features", state.tables())
    workspace.put_many("state.after.features", features.advance_state(state, postings).tables())
    workspace.note(
        "score",
        {
            "model_version": choice.version,
            "note": choice.note,
            "warnings": scored.warnings,
            "results": scored.results,
            "budget_since": since,
        },
    )
    flagged = pc.sum(scored.scores["is_flagged"]).as_py() or 0
    return {"flagged": flagged, "model_version": choice.version, "note": choice.note}


@dataclass(frozen=True)
class _Scoring:
    """What a model makes of a night; nothing where there is none."""

    scores: pa.Table
    refresh: learning.RefreshRows
    warnings: list[str] = field(default_factory=list)
    results: list[SuiteResult] = field(default_factory=list)

    @classmethod
    def nothing(cls) -> Self:
        """No scores, and no rows for a refresh."""
        return cls(SCORES_SCHEMA.empty_table(), learning.RefreshRows())


def _scored(
    request: NightRequest, workspace: Workspace, model: Model, state: features.FeatureState, effects: ReviewEffects
) -> _Scoring:
    """The model's scores, moved by what reviews say, held against their suite; and what of the night may teach."""
    accepted = workspace.get_many("accepted")
    postings, statics, habit_days = accepted[FIN_TRANSACTION.name], _statics(accepted), model.training.habit_days
    # The look-back has no name here: it is freed as soon as the features' engine has read it.
    built = features.build_features(postings, workspace.get("lookback"), statics, state, habit_days=habit_days)
    sight = Sight.of(built, model)
    scores = score_night(built, model, workspace.get("scores.before"), effects.feedback, sight)
    warnings, results = _check_scores(request, workspace, scores, postings.num_rows)
    warnings = [*features.place_warnings(statics, postings), *warnings]
    flagged, breaks = scores["is_flagged"].to_numpy(), workspace.get("breaks")
    refresh = learning.refresh_rows_of(built, model, flagged, breaks, effects.under_review, sight)
    return _Scoring(scores, refresh, warnings, results)


def _statics(accepted: dict[str, pa.Table]) -> dict[str, pa.Table]:
    return {name: table for name, table in accepted.items() if name in STATIC_RELATIONS}


def _rounding(workspace: Workspace) -> int:
    return int(workspace.read_note("began")["rounding_cents"])


def _holidays(workspace: Workspace) -> str | None:
    code: str | None = workspace.read_note("began")["holidays"]
    return code


def _lookback(past: Admission | None, lake: Lake, night: date) -> pa.Table:
    days = features.reach_days(get_settings().lookback_days)
    if past is not None:
        return carried_state.lookback_from_history(past.accepted[FIN_TRANSACTION.name], night, days)
    return carried_state.lookback_from_lake(lake, night, days)


def _settlement_state(
    workspace: Workspace, lake: Lake, night: date, statics: dict[str, pa.Table]
) -> settlement.SettlementState:
    if workspace.has(HISTORY):
        history, refused = workspace.get(HISTORY), workspace.get(HISTORY_REFUSED)
        rounding, holidays = _rounding(workspace), _holidays(workspace)
        return settlement.state_from_history(history, statics, night, rounding, holidays, refused)
    return settlement.SettlementState.from_tables(carried_state.state_from_lake(lake, night, settlement.STATE_SCHEMAS))


def _feature_state(workspace: Workspace, lake: Lake, night: date) -> features.FeatureState:
    if workspace.has(HISTORY):
        return features.state_from_history(workspace.get(HISTORY))
    return features.FeatureState.from_tables(carried_state.state_from_lake(lake, night, features.STATE_SCHEMAS))


def _check_scores(
    request: NightRequest, workspace: Workspace, scores: pa.Table, postings: int
) -> tuple[list[str], list[SuiteResult]]:
    """Hold the scores against their suite; the verdict is in the Data Docs also when it stops the night."""
    try:
        warnings, result = check_scores(scores, postings, get_settings().alert_budget)
    except RefusedError as refusal:
        publish_docs(request, (*workspace.read_note("gate")["results"], *refusal.results))
        raise
    return list(warnings), [result]


def _by_code(breaks: pa.Table) -> dict[str, int]:
    codes = breaks["check_code"].to_pylist()
    return {code: codes.count(code) for code in sorted(set(codes))}
