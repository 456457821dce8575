"""Which model scores a night: the one it had, else the champion, else the newest that saw nothing of the night."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from include.errors import TrackingError
from include.lake import Lake
from include.models.model import Model
from include.night.request import NightRequest
from include.quality import admit
from include.registry import ModelRegistry
from include.registry.tracking import record
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.scoring import Recipe, TrainingOutcome, train
from include.scoring.training_run import training_run
from include.settings import get_settings
from include.sources import open_source


@dataclass(frozen=True)
class ModelChoice:
    """The night's model and why it is this one; `model` is None where scores are skipped."""

    model: Model | None
    version: str | None
    note: str


@dataclass(frozen=True)
class Trained:
    """A model that was trained and kept, or why there is none."""

    model: Model | None
    note: str


def model_for(
    request: NightRequest, lake: Lake, history: pa.Table | None, statics: dict[str, pa.Table], rounding_cents: int
) -> ModelChoice:
    """The model for one night; trained on the spot when the registry has none that may score it.

    A night run again is scored by the model its manifest names. A model that was trained on dates from the night on
    has seen the night's future and is passed over.
    """
    registry = ModelRegistry.open(request.lake_uri, get_settings())
    published = lake.published(request.night)
    if published is not None and published["model_version"] is not None:
        return _chosen(registry, published["model_version"], "as published before")
    usable = _usable(registry, request.night)
    if usable is not None:
        return ModelChoice(usable, usable.version, f"{usable.version}, trained until {usable.training.last_night}")
    trained = _train(request, history, statics, rounding_cents)
    return ModelChoice(trained.model, None if trained.model is None else trained.model.version, trained.note)


def has_model(lake_uri: str, before: date) -> bool:
    """Whether some model of the lake may score `before`: one that was trained on earlier nights only."""
    return _usable(ModelRegistry.open(lake_uri, get_settings()), before) is not None


def train_champion(source_uri: str, lake_uri: str, before: date) -> dict[str, object]:
    """Train on the source's settlement dates before `before` and make the model the champion.

    Returns
    -------
    dict
        `model_version` (None when there is too little history) and `note`, a sentence.
    """
    trained = _train_on(_past(source_uri, before), before, lake_uri)
    if trained.model is None:
        return {"model_version": None, "note": trained.note}
    ModelRegistry.open(lake_uri, get_settings()).promote(trained.model.version)
    return {"model_version": trained.model.version, "note": trained.note}


def _usable(registry: ModelRegistry, night: date) -> Model | None:
    """The champion, or the model trained latest among those that saw nothing of the night."""
    champion = registry.champion()
    if champion is not None and _is_blind_to(model := registry.load(champion), night):
        return model
    blind = [model for version in registry.versions() if _is_blind_to(model := registry.load(version), night)]
    return max(blind, key=lambda model: (model.training.last_night, model.version), default=None)


def _is_blind_to(model: Model, night: date) -> bool:
    return model.training.last_night < night


def _chosen(registry: ModelRegistry, version: str, why: str) -> ModelChoice:
    return ModelChoice(registry.load(version), version, f"{version}, {why}")


def _train(request: NightRequest, history: pa.Table | None, statics: dict[str, pa.Table], rounding: int) -> Trained:
    past = _Past(history, statics, rounding) if history is not None else _past(request.source_uri, request.night)
    return _train_on(past, request.night, request.lake_uri)


@dataclass(frozen=True)
class _Past:
    """What a model is trained on."""

    history: pa.Table
    statics: dict[str, pa.Table]
    rounding_cents: int


def _past(source_uri: str, before: date) -> _Past:
    with open_source(source_uri) as source:
        statics = admit({name: source.static(name) for name in STATIC_RELATIONS}, None).accepted
        history = admit({FIN_TRANSACTION.name: source.history(before=before)}, None).accepted
        return _Past(history[FIN_TRANSACTION.name], statics, source.rounding_cents)


def _train_on(past: _Past, before: date, lake_uri: str) -> Trained:
    """Train, keep the model, and lay its figures into MLflow."""
    settings = get_settings()
    began = time.monotonic()
    outcome = train(
        past.history,
        past.statics,
        before=before,
        seed=settings.seed,
        budget=settings.alert_budget,
        habit_days=settings.lookback_days,
        rounding_cents=past.rounding_cents,
        recipe=Recipe.of(settings.training),
    )
    if outcome.model is None:
        return Trained(None, outcome.note)
    ModelRegistry.open(lake_uri, settings).save(outcome.model)
    return Trained(outcome.model, outcome.note + _recorded(outcome, lake_uri, time.monotonic() - began))


def _recorded(outcome: TrainingOutcome, lake_uri: str, seconds: float) -> str:
    """Record the training; what is wrong with the record is said and fails nothing."""
    try:
        record(training_run(outcome, seconds), get_settings(), lake_uri)
    except TrackingError as error:
        return f"; its figures were not recorded: {error}"
    return ""
