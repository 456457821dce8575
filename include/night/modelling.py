"""Which model scores a night: the one it had, else the champion, else the newest that saw nothing of the night."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from include.lake import Lake
from include.models.model import Model
from include.night.request import NightRequest
from include.quality import admit
from include.registry import ModelRegistry
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.scoring import TrainingOutcome, train
from include.settings import get_settings
from include.sources import open_source


@dataclass(frozen=True)
class ModelChoice:
    """The night's model and why it is this one; `model` is None where scores are skipped."""

    model: Model | None
    version: str | None
    note: str


def model_for(request: NightRequest, lake: Lake, history: pa.Table | None, statics: dict[str, pa.Table]) -> ModelChoice:
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
    outcome = _train(request, history, statics)
    if outcome.model is None:
        return ModelChoice(None, None, outcome.note)
    return ModelChoice(outcome.model, registry.save(outcome.model), outcome.note)


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
    outcome = _train_on(*_past(source_uri, before), before)
    if outcome.model is None:
        return {"model_version": None, "note": outcome.note}
    registry = ModelRegistry.open(lake_uri, get_settings())
    version = registry.save(outcome.model)
    registry.promote(version)
    return {"model_version": version, "note": outcome.note}


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


def _train(request: NightRequest, history: pa.Table | None, statics: dict[str, pa.Table]) -> TrainingOutcome:
    if history is None:
        return _train_on(*_past(request.source_uri, request.night), request.night)
    return _train_on(history, statics, request.night)


def _train_on(history: pa.Table, statics: dict[str, pa.Table], before: date) -> TrainingOutcome:
    settings = get_settings()
    return train(
        history,
        statics,
        before=before,
        seed=settings.seed,
        budget=settings.alert_budget,
        habit_days=settings.lookback_days,
    )


def _past(source_uri: str, before: date) -> tuple[pa.Table, dict[str, pa.Table]]:
    with open_source(source_uri) as source:
        statics = admit({name: source.static(name) for name in STATIC_RELATIONS}, None).accepted
        history = admit({FIN_TRANSACTION.name: source.history(before=before)}, None).accepted
    return history[FIN_TRANSACTION.name], statics
