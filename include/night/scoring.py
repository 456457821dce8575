"""The step that scores a night: its model, what reviews say of the scores, and the watch over both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from include import features, learning
from include.lake import Lake
from include.lake.tables import SCORES_SCHEMA
from include.marts import FEATURES_SCHEMA, feature_columns
from include.models.model import Model
from include.night import carried_state
from include.night.docs import publish_docs
from include.night.handoffs import (
    Admitted,
    AdmittedHistory,
    Checked,
    Described,
    Lookback,
    NightReviews,
    RunStart,
    Scored,
    Verdicts,
)
from include.night.modelling import ModelChoice, model_for
from include.night.request import NightRequest
from include.night.results import ScoreResult
from include.night.watching import Tonight, volume_of, watch_over, watched_since
from include.night.workspace import Workspace
from include.quality import RefusedError, SuiteResult, check_scores
from include.reviews import ReviewEffects, effects_of
from include.scoring import Sight, score_night


def score(request: NightRequest) -> ScoreResult:
    """Score what is unusual with the night's model, say why, and move the features' state over the night."""
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri, request.settings)
    unscored = _Unscored.load(request, workspace, lake)
    choice = model_for(request, lake, unscored.history, unscored.admitted.statics, unscored.start.rounding_cents)
    if choice.model is None:
        Described(FEATURES_SCHEMA.empty_table()).save(workspace)
        scoring = _Scoring.nothing()
    else:
        scoring = _scoring(request, workspace, choice.model, unscored)
    _scored(request, lake, unscored, choice, scoring).save(workspace)
    Verdicts((*unscored.admitted.results, *scoring.results)).save(workspace)
    flagged = pc.sum(scoring.scores["is_flagged"]).as_py() or 0
    return {"flagged": flagged, "model_version": choice.version, "note": choice.note}


@dataclass(frozen=True)
class _Unscored:
    """A night that is checked and not scored yet.

    Attributes
    ----------
    history
        Accepted transactions before a first night; None on other nights.
    state
        State of the features as of the day before.
    effects
        What the reviews that the night knows do to it.
    budget_since
        First night that shares the alert budget.
    earlier
        Scores of the nights that share it (`EARLIER_SCHEMA`).
    """

    night: date
    start: RunStart
    admitted: Admitted
    checked: Checked
    history: pa.Table | None
    state: features.FeatureState
    effects: ReviewEffects
    budget_since: date
    earlier: pa.Table

    @classmethod
    def load(cls, request: NightRequest, workspace: Workspace, lake: Lake) -> Self:
        """The night as the steps before left it, and what the lake knows of the nights before."""
        night, admitted, history = request.night, Admitted.load(workspace), AdmittedHistory.find(workspace)
        since = carried_state.budget_since(lake, night)
        return cls(
            night=night,
            start=RunStart.load(workspace),
            admitted=admitted,
            checked=Checked.load(workspace),
            history=None if history is None else history.postings,
            state=_feature_state(history, lake, night),
            effects=_effects(NightReviews.load(workspace), admitted, Lookback.load(workspace).postings, night),
            budget_since=since,
            earlier=carried_state.scores_between(lake, since, night),
        )


def _feature_state(history: AdmittedHistory | None, lake: Lake, night: date) -> features.FeatureState:
    if history is None:
        return features.FeatureState.from_tables(carried_state.state_from_lake(lake, night, features.STATE_SCHEMAS))
    return features.state_from_history(history.postings)


def _effects(reviews: NightReviews, admitted: Admitted, lookback: pa.Table, night: date) -> ReviewEffects:
    postings = pa.concat_tables([lookback, admitted.postings.select(lookback.column_names)])
    return effects_of(reviews.known, reviews.findings, postings, night)


@dataclass(frozen=True)
class _Scoring:
    """What a model makes of a night.

    Attributes
    ----------
    scores
        Scores of the night's postings (`SCORES_SCHEMA`).
    refresh
        The night's profile, and its rows for refreshes of the champion.
    warnings
        Sentences for people.
    results
        Verdict of the scores' suite.
    """

    scores: pa.Table
    refresh: learning.RefreshRows
    warnings: tuple[str, ...] = ()
    results: tuple[SuiteResult, ...] = ()

    @classmethod
    def nothing(cls) -> Self:
        """No scores, and no rows for a refresh."""
        return cls(SCORES_SCHEMA.empty_table(), learning.RefreshRows())


def _scoring(request: NightRequest, workspace: Workspace, model: Model, unscored: _Unscored) -> _Scoring:
    """The model's scores, moved by what reviews say and held against their suite, and the rows for refreshes."""
    admitted, effects = unscored.admitted, unscored.effects
    postings, statics, days = admitted.postings, admitted.statics, model.training.habit_days
    # The look-back has no name here: it is freed as soon as the features' engine has read it.
    built = features.build_features(
        postings, Lookback.load(workspace).postings, statics, unscored.state, habit_days=days
    )
    sight = Sight.of(built, model)
    Described(feature_columns(built, sight.surprises(model))).save(workspace)
    scores = score_night(built, model, unscored.earlier, effects.feedback, sight)
    warnings, result = _check_scores(request, admitted, scores)
    flagged, breaks = scores["is_flagged"].to_numpy(), unscored.checked.breaks
    refresh = learning.refresh_rows_of(built, model, flagged, breaks, effects.under_review, sight)
    return _Scoring(scores, refresh, (*features.place_warnings(statics, postings), *warnings), (result,))


def _check_scores(request: NightRequest, admitted: Admitted, scores: pa.Table) -> tuple[tuple[str, ...], SuiteResult]:
    """Hold the scores against their suite; the verdict is in the Data Docs also when it stops the night."""
    try:
        warnings, result = check_scores(scores, admitted.postings.num_rows, request.settings.alert_budget)
    except RefusedError as refusal:
        publish_docs(request, (*admitted.results, *refusal.results))
        raise
    return tuple(warnings), result


def _scored(request: NightRequest, lake: Lake, unscored: _Unscored, choice: ModelChoice, scoring: _Scoring) -> Scored:
    night, postings = unscored.night, unscored.admitted.postings
    since, profile = watched_since(lake, night), scoring.refresh.profile
    tonight = Tonight(
        night=night,
        model=choice.model,
        admitted=unscored.admitted,
        scores=scoring.scores,
        profile=profile,
        decisions=unscored.effects.decisions,
        alert_budget=request.settings.alert_budget,
    )
    watched = watch_over(lake, since, tonight)
    volume = volume_of(night, postings.num_rows, unscored.checked, unscored.start.holidays)
    return Scored(
        scores=scoring.scores,
        earlier=unscored.earlier,
        profile=profile,
        refresh_rows=scoring.refresh.rows,
        notices=pa.concat_tables([volume, watched.notices]),
        state_before=unscored.state.tables(),
        state_after=features.advance_state(unscored.state, postings).tables(),
        model_version=choice.version,
        model_note=choice.note,
        warnings=scoring.warnings,
        budget_since=unscored.budget_since,
        watched_since=since,
        watch_figures=watched.figures,
    )
