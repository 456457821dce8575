"""Which model scores a night: the one it had, else the champion, else the newest that saw nothing of the night.

Of those that are kept, only champions, former champions and what was trained for a night score: a challenger waits for
a person's approval, and one that was refused or taken back is not taken up again.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from include.errors import IntegrityError, SettingsError
from include.evaluation.bank_history import BankHistory
from include.lake import Lake
from include.learning import model_of
from include.learning.save_model import keep_model
from include.models.model import Model
from include.night.request import NightRequest
from include.registry import ModelRegistry
from include.reviews import confirmed_before
from include.settings import Settings, get_settings
from include.stages import stage
from include.training import Recipe, TrainingSpec, train
from include.training.history import read_history
from include.training.training_run import training_run

_TRAINED_FOR = "trained_for"
"""Part of a version that a night had trained for want of another: that night. A selection's challenger has none."""


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
    registry = ModelRegistry.open(request.lake_uri, request.settings)
    published = lake.published(request.night)
    if published is not None and published["model_version"] is not None:
        return _chosen(registry, published["model_version"], "as published before")
    usable = _usable(registry, request.night)
    if usable is not None:
        return ModelChoice(usable, usable.version, f"{usable.version}, {_trained_until(usable)}")
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
    settings = get_settings()
    with stage(f"the past before {before} read and let in"):
        history = read_history(source_uri, before, settings.lookback_days, settings.server_terms)
    trained = _train_on(history, before, lake_uri, settings)
    if trained.model is None:
        return {"model_version": None, "note": trained.note}
    registry = ModelRegistry.open(lake_uri, settings)
    # Whom it follows is named, so that a pointer that cannot be trusted is not mended by the way.
    registry.promote(trained.model.version, by="training", why=trained.note, champion=registry.champion())
    return {"model_version": trained.model.version, "note": trained.note}


def _usable(registry: ModelRegistry, night: date) -> Model | None:
    """The champion with what it learned before the night, or the newest of those that saw nothing of the night."""
    champion = registry.champion()
    if champion is not None and registry.last_night(champion) < night:
        return model_of(registry, registry.load(champion), night)
    known = [(_last_night(registry, version), version) for version in _may_score(registry)]
    blind = [(last, version) for last, version in known if last is not None and last < night]
    return registry.load(max(blind)[1]) if blind else None


def _may_score(registry: ModelRegistry) -> set[str]:
    """Champions that nobody took back, and what was trained for a night."""
    approved, crowned = set(registry.approved()), {reign.version for reign in registry.history()}
    own = {version for version in registry.versions() if _was_trained_for_a_night(registry, version)}
    return approved | (own - crowned)


def _was_trained_for_a_night(registry: ModelRegistry, version: str) -> bool:
    with suppress(IntegrityError):
        return registry.kept(version, _TRAINED_FOR) is not None
    return False


def _last_night(registry: ModelRegistry, version: str) -> date | None:
    """None where the version is gone or broken: a night that has another one does not need it."""
    with suppress(IntegrityError, SettingsError):
        return registry.last_night(version)
    return None


def _trained_until(model: Model) -> str:
    if model.adapted_from:
        return f"which is {model.adapted_from} with what it learned until {model.training.last_night}"
    return f"trained until {model.training.last_night}"


def _chosen(registry: ModelRegistry, version: str, why: str) -> ModelChoice:
    return ModelChoice(registry.load(version), version, f"{version}, {why}")


def _train(request: NightRequest, history: pa.Table | None, statics: dict[str, pa.Table], rounding: int) -> Trained:
    settings, habit_days = request.settings, request.settings.lookback_days
    if history is None:
        past = read_history(request.source_uri, request.night, habit_days, settings.server_terms)
    else:
        past = BankHistory(history, statics, rounding, habit_days)
    return _train_on(past, request.night, request.lake_uri, settings)


def _train_on(history: BankHistory, before: date, lake_uri: str, settings: Settings) -> Trained:
    """Train, keep the model, and lay its figures into MLflow."""
    began = time.monotonic()
    spec = TrainingSpec(
        before=before,
        seed=settings.seed,
        budget=settings.alert_budget,
        recipe=Recipe.of(settings.training),
        confirmed=confirmed_before(Lake.open(lake_uri, settings), before),
    )
    outcome = train(history, spec)
    if outcome.model is None:
        return Trained(None, outcome.note)
    with stage("figures and plots of the training drawn"):
        run = training_run(outcome, time.monotonic() - began)
    with stage("model kept, with what its refreshes begin with and its figures"):
        wrong = keep_model(outcome, run, lake_uri)
    registry = ModelRegistry.open(lake_uri, settings)
    registry.keep(outcome.model.version, _TRAINED_FOR, before.isoformat().encode())
    return Trained(outcome.model, outcome.note + wrong)
