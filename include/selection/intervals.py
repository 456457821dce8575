"""Confidence intervals of means over planted rounds, and of paired differences between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from include.models.base import Vector

Folds = npt.NDArray[np.int64]

LEVEL = 0.95
"""Confidence level of every interval that is shown."""


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval.

    Attributes
    ----------
    mean, low, high
        Mean and ends of the interval, in the unit of the measurements.
    error
        Standard error of the mean.
    """

    mean: float
    low: float
    high: float
    error: float

    def within(self, least: float, most: float) -> Interval:
        """The interval, cut to the values that the figure can have."""
        return replace(self, low=max(self.low, least), high=min(self.high, most))

    def __str__(self) -> str:
        """The mean, and the interval in brackets."""
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


def interval(values: Vector, folds: Folds, overlap: float, comparisons: int = 1) -> Interval:
    """The mean of measurements, with its `LEVEL` interval by Student's t.

    The measurements share what their detectors were fitted on: the rounds of a fold all of it, the folds most. As if
    they were independent, intervals would be too narrow. The error of the mean is the larger of two: the root of
    s² (1/n + `overlap`), the corrected resampled t of Nadeau and Bengio (Inference for the Generalization Error,
    Machine Learning 52, 2003), and the standard error of the folds' means, since the rounds of a fold also share its
    ordinary nights and the luck of its fit: where months differ, three rounds of one say little more than one.

    Degrees of freedom are half way between those of the folds and those of the rounds: the former are right where
    months alone differ, the latter where rounds alone do, and which it is two months cannot tell. With the folds' own
    (one, of two) nothing could ever be decided. What that costs, as simulated for two folds of three rounds, an overlap
    of 0.1 and nothing to be found: where months differ not at all, half as much, as much, twice and five times as much
    as the rounds of one, 0.4, 1.0, 2.6, 5.9 and 8.7 % of the intervals lie above zero, of 2.5 % claimed. (Nadeau and
    Bengio's alone: 1.2, 2.4, 5.6, 11 and 17 %.) Of the best of 25 ensembles, as many `comparisons` made, 0, 0, 0.2, 1.2
    and 5.8 % do. More folds mend it, more rounds do not. One fold says nothing of other months.

    Parameters
    ----------
    values
        Measurements, one per round, at least two; or their paired differences.
    folds
        Fold of each measurement.
    overlap
        Ratio of the postings that were measured on to those that were trained on.
    comparisons
        Number of such intervals that are to hold together (Bonferroni): the best of many is the best partly by luck.

    Examples
    --------
    >>> str(interval(np.array([0.1, 0.3]), np.array([1, 2]), 0.0))
    '0.200 (-1.071 to 1.471)'
    """
    from scipy.stats import t

    n, means = len(values), _means(values, folds)
    shared = float(np.std(values, ddof=1)) * float(np.sqrt(1 / n + overlap))
    error = max(shared, float(np.std(means, ddof=1)) / float(np.sqrt(len(means)))) if len(means) > 1 else shared
    freedom = ((len(means) - 1) + (n - 1)) / 2
    reach = error * float(t.ppf(1 - (1 - LEVEL) / (2 * comparisons), freedom))
    mean = float(np.mean(values))
    return Interval(mean, mean - reach, mean + reach, error)


def _means(values: Vector, folds: Folds) -> Vector:
    """The mean of each fold's measurements."""
    return np.array([values[folds == fold].mean() for fold in np.unique(folds)])
