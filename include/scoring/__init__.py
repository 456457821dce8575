"""A night's scores: every posting ranked by the model, those beyond the threshold with their reasons."""

from include.scoring.score import EARLIER_SCHEMA, Sight, score_night

__all__ = ["EARLIER_SCHEMA", "Sight", "score_night"]
