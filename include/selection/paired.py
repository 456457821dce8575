"""What chance may have done: intervals of means over planted rounds, and of paired differences between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from include.models.base import Vector

LEVEL = 0.95
"""Of every interval that is shown."""


@dataclass(frozen=True)
class Interval:
    """A mean and where it may lie.

    Attributes
    ----------
    mean, low, high
        On the scale of what was measured.
    error
        The mean's standard error.
    """

    mean: float
    low: float
    high: float
    error: float

    def within(self, least: float, most: float) -> Interval:
        """The interval as far as the figure can go."""
        return replace(self, low=max(self.low, least), high=min(self.high, most))

    def __str__(self) -> str:
        """The mean, and the interval in brackets."""
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


def interval(values: Vector, overlap: float, comparisons: int = 1) -> Interval:
    """The mean of measurements, with its `LEVEL` interval by Student's t.

    The measurements share what their detectors were fitted on: the rounds of a fold all of it, the folds most. As if
    they were independent, intervals would be too narrow. The variance of the mean is therefore s² (1/n + `overlap`),
    the corrected resampled t of Nadeau and Bengio (Inference for the Generalization Error, Machine Learning 52, 2003),
    rather than a bootstrap, which of two folds can draw three samples only.

    Parameters
    ----------
    values
        One a round, at least two; of a paired difference: the differences.
    overlap
        Postings measured on, for each one taught on.
    comparisons
        How many such intervals are to hold together (Bonferroni): the best of many is the best partly by luck.

    Examples
    --------
    >>> str(interval(np.array([0.1, 0.3]), 0.0))
    '0.200 (-1.071 to 1.471)'
    """
    from scipy.stats import t

    n = len(values)
    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    quantile = float(t.ppf(1 - (1 - LEVEL) / (2 * comparisons), n - 1))
    error = deviation * float(np.sqrt(1 / n + overlap))
    return Interval(mean, mean - quantile * error, mean + quantile * error, error)
