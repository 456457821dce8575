"""Trains a model on a bank's past: it splits the nights, plants anomalies into them and chooses the best ensemble."""

from include.training.recipe import Recipe
from include.training.spec import TrainingSpec
from include.training.train import TrainingOutcome, train

__all__ = ["Recipe", "TrainingOutcome", "TrainingSpec", "train"]
