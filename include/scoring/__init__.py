"""Scores a night: the model ranks every posting, and those that reach the threshold are flagged with reasons."""

from include.scoring.score import EARLIER_SCHEMA, Sight, score_night

__all__ = ["EARLIER_SCHEMA", "Sight", "score_night"]
