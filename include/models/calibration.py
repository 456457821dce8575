"""Raw scores to published ones: how rare a raw score was in training, on a scale that still ranks the extremes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from include.models.base import Vector

KNOTS = 512
"""Points the training distribution is kept at: steps of 2 % in the logarithm of the tail for 20,000 rows."""
HALF_SCORE_TAIL = 2.0
"""Tail exponent (one row in 10**2) that is published as 0.5; 0.6 is one in a thousand, 0.75 one in a million."""


@dataclass(frozen=True)
class Calibration:
    """Monotone map from a detector's raw scores to 0..1.

    With t the share of training rows that scored at least as high and e = -log10 t, the published score is
    e / (e + `HALF_SCORE_TAIL`). Being a statement about rarity it is comparable between nights, models and detectors.
    Beyond the highest training score e goes on with the slope of the tail, so that extremes keep ranking and no
    score is ever 1. Learned from the body, e beyond one in a hundred is what the body leads to expect instead.

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

        With `from_body` the tail is not what was seen, but what the body leads to expect: whatever is odd among the
        training rows does not teach that it is usual.
        """
        distinct = np.unique(scores)
        tails = 1 - np.searchsorted(np.sort(scores), distinct, side="left") / len(scores)
        exponents = -np.log10(tails)
        kept = _spread_knots(exponents)
        raw, exponents = distinct[kept], exponents[kept]
        return cls(raw=raw, exponents=_drawn_on(raw, exponents) if from_body else exponents)

    @classmethod
    def matching(cls, scores: Vector, exponents: Vector) -> Self:
        """The map that gives raw scores the distribution that `exponents` have: it ranks anew and keeps the level.

        Both are of the same rows (at least one), in any order.
        """
        ranks = np.linspace(0, 1, KNOTS)
        raw, place = np.unique(np.quantile(scores, ranks), return_index=True)
        # Where many rows share a score, the next ones are still to be rarer.
        rising = np.quantile(exponents, ranks)[place] + np.arange(len(raw)) * _LEAST_RISE
        return cls(raw=raw, exponents=rising)

    def apply(self, scores: Vector) -> Vector:
        """Published scores: 0..1, higher is more anomalous, strictly increasing above the training rows' lowest."""
        return published(self.exponents_of(scores))

    def exponents_of(self, scores: Vector) -> Vector:
        """How rare each raw score was among the rows learned from: e as above, 0 and up without bound."""
        exponents = np.interp(scores, self.raw, self.exponents)
        beyond = np.maximum(scores - self.raw[-1], 0.0)
        return np.asarray(exponents + beyond * self._tail_slope(), dtype=np.float64)

    def _tail_slope(self) -> float:
        """Exponent per unit of raw score over the last tenth of the training rows; 1 when there is no tail."""
        if len(self.raw) < 2:
            return 1.0
        start = min(int(np.searchsorted(self.exponents, 1.0)), len(self.raw) - 2)
        rise = self.exponents[-1] - self.exponents[start]
        return float(rise / (self.raw[-1] - self.raw[start]))


# In powers of ten: nothing beside a bin of a night's profile.
_LEAST_RISE = 1e-9


def _drawn_on(raw: Vector, exponents: Vector) -> Vector:
    """Beyond one row in a hundred the line that leads there from one in ten; as they are where there is no body."""
    ten, hundred = np.searchsorted(exponents, [1.0, 2.0])
    if hundred == len(raw) or exponents[ten] >= exponents[hundred] or exponents[ten] > _BODY_ENDS:
        return exponents
    slope = (exponents[hundred] - exponents[ten]) / (raw[hundred] - raw[ten])
    drawn = exponents[hundred] + slope * (raw - raw[hundred])
    return np.where(np.arange(len(raw)) > hundred, drawn, exponents)


# Where fewer than three rows in a hundred have anything of it, there is no body to draw on.
_BODY_ENDS = 1.5


def published(rarities: Vector) -> Vector:
    """Scores of 0..1 from how rare they are, in powers of ten."""
    return np.asarray(rarities / (rarities + HALF_SCORE_TAIL), dtype=np.float64)


def rarity_of(scores: Vector) -> Vector:
    """The way back: how rare a published score (below 1) is, in powers of ten."""
    return np.asarray(HALF_SCORE_TAIL * scores / (1 - scores), dtype=np.float64)


def _spread_knots(exponents: Vector) -> Vector:
    """Indices of at most `KNOTS` values, evenly spread over the exponents, both ends included."""
    wanted = np.linspace(exponents[0], exponents[-1], KNOTS)
    return np.unique(np.searchsorted(exponents, wanted, side="left").clip(max=len(exponents) - 1))
