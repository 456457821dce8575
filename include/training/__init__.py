"""Trains a model on a bank's past: nights to learn from, injected anomalies to compare ensembles by, and the choice."""

from include.training.recipe import Recipe
from include.training.train import TrainingOutcome, train

__all__ = ["Recipe", "TrainingOutcome", "train"]
