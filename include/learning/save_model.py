"""Saves a trained model with its canary set and refresh baseline in the registry, and its figures in MLflow."""

from __future__ import annotations

from include.errors import TrackingError
from include.learning import keep_refresh_baseline
from include.registry import ModelRegistry
from include.registry.tracking import TrainingRun, record
from include.settings import get_settings
from include.training import TrainingOutcome


def keep_model(outcome: TrainingOutcome, run: TrainingRun, lake_uri: str) -> str:
    """Keep a training's model and record the training.

    Returns
    -------
    str
        Sentence on what went wrong with the MLflow record, which fails nothing; empty when it was kept.
    """
    if outcome.model is None:
        return ""
    settings = get_settings()
    registry = ModelRegistry.open(lake_uri, settings)
    registry.save(outcome.model)
    if outcome.held_back is not None:
        keep_refresh_baseline(registry, outcome.model, outcome.held_back)
    try:
        record(run, settings, lake_uri)
    except TrackingError as error:
        return f"; its figures were not recorded: {error}"
    return ""
