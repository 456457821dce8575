"""Maps raw scores to published ones: how rare a raw score was in training, on a scale that still ranks the extremes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from include.models.base import Vector

KNOTS = 512
"""Points at which the training distribution is kept: for 20,000 rows, steps of 2 % in the logarithm of the tail."""
HALF_SCORE_TAIL = 2.0
"""Tail exponent (one row in 10**2) that is published as 0.5; 0.6 is one in a thousand, 0.75 one in a million."""


@dataclass(frozen=True)
class Calibration:
    """Monotone map from a detector's raw scores to 0..1.

    With t the share of training rows that scored at least as high and e = -log10 t, the published score is
    e / (e + `HALF_SCORE_TAIL`). Since it states a rarity, it is comparable between nights, models and detectors.
    Beyond the highest training score, e is extrapolated with the slope of the tail, so that extremes are still ranked
    and no score is ever 1. A calibration that is learned from the body extrapolates e from there, beyond one row in a
    hundred, whatever the tail was.

    Attributes
    ----------
    raw
        Training scores at the knots, strictly increasing.
    exponents
        e at the knots, strictly increasing.
    """

    raw: Vector
    exponents: Vector

    @classmethod
    def learn(cls, scores: Vector, *, from_body: bool = False) -> Self:
        """Learn from the raw scores of training rows (at least one).

        With `from_body` the tail is extrapolated from the body of the distribution instead of taken from the rows, so
        that odd training rows do not make oddness look usual.
        """
        distinct = np.unique(scores)
        tails = 1 - np.searchsorted(np.sort(scores), distinct, side="left") / len(scores)
        exponents = -np.log10(tails)
        kept = _spread_knots(exponents)
        raw, exponents = distinct[kept], exponents[kept]
        return cls(raw=raw, exponents=_extrapolated(raw, exponents) if from_body else exponents)

    @classmethod
    def matching(cls, scores: Vector, exponents: Vector) -> Self:
        """The map that gives raw scores the distribution of `exponents`: it changes the ranking and keeps the level.

        Both arrays describe the same rows (at least one), in any order.
        """
        ranks = np.linspace(0, 1, KNOTS)
        raw, place = np.unique(np.quantile(scores, ranks), return_index=True)
        # Where many rows share a score, the next higher score must still be rarer.
        rising = np.quantile(exponents, ranks)[place] + np.arange(len(raw)) * _LEAST_RISE
        return cls(raw=raw, exponents=rising)

    def apply(self, scores: Vector) -> Vector:
        """Published scores, 0..1, higher is more anomalous; strictly increasing above the lowest training score."""
        return published(self.exponents_of(scores))

    def exponents_of(self, scores: Vector) -> Vector:
        """How rare each raw score was among the training rows: e as in the class docstring, 0 and up without bound."""
        exponents = np.interp(scores, self.raw, self.exponents)
        beyond = np.maximum(scores - self.raw[-1], 0.0)
        return np.asarray(exponents + beyond * self._tail_slope(), dtype=np.float64)

    def _tail_slope(self) -> float:
        """Slope of the tail, in exponent per unit of raw score, over the last tenth of the rows; 1 without a tail."""
        if len(self.raw) < 2:
            return 1.0
        start = min(int(np.searchsorted(self.exponents, 1.0)), len(self.raw) - 2)
        rise = self.exponents[-1] - self.exponents[start]
        return float(rise / (self.raw[-1] - self.raw[start]))


# In powers of ten; negligible beside the width of a bin of a night's profile.
_LEAST_RISE = 1e-9


def _extrapolated(raw: Vector, exponents: Vector) -> Vector:
    """Exponents that follow, beyond one row in a hundred, the line from one in ten; unchanged without a body."""
    ten, hundred = np.searchsorted(exponents, [1.0, 2.0])
    if hundred == len(raw) or exponents[ten] >= exponents[hundred] or exponents[ten] > _BODY_ENDS:
        return exponents
    slope = (exponents[hundred] - exponents[ten]) / (raw[hundred] - raw[ten])
    drawn = exponents[hundred] + slope * (raw - raw[hundred])
    return np.where(np.arange(len(raw)) > hundred, drawn, exponents)


# Where fewer than three rows in a hundred reach any value above the lowest, there is no body to extrapolate from.
_BODY_ENDS = 1.5


def published(rarities: Vector) -> Vector:
    """Published scores, 0..1, of rarities in powers of ten."""
    return np.asarray(rarities / (rarities + HALF_SCORE_TAIL), dtype=np.float64)


def rarity_of(scores: Vector) -> Vector:
    """The inverse of `published`: the rarity of a published score (below 1), in powers of ten."""
    return np.asarray(HALF_SCORE_TAIL * scores / (1 - scores), dtype=np.float64)


def _spread_knots(exponents: Vector) -> Vector:
    """Indices of at most `KNOTS` values, evenly spread over the exponents, both ends included."""
    wanted = np.linspace(exponents[0], exponents[-1], KNOTS)
    return np.unique(np.searchsorted(exponents, wanted, side="left").clip(max=len(exponents) - 1))
