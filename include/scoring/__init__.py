"""Scores and reasons: trains on the past, scores every posting of a night, says why the flagged ones were flagged."""

from include.scoring.recipe import Recipe
from include.scoring.score import EARLIER_SCHEMA, Sight, score_night
from include.scoring.train import TrainingOutcome, train

__all__ = ["EARLIER_SCHEMA", "Recipe", "Sight", "TrainingOutcome", "score_night", "train"]
