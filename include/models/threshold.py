"""The alert threshold: chosen on past scored nights, so that an ordinary month's expected share is the budget."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from include.errors import SettingsError
from include.models.base import Vector

Flags = npt.NDArray[np.bool_]


def choose_threshold(scores: Vector, budget: float) -> float:
    """The lowest score from which on at most the budget's share of past rows would have been flagged.

    Parameters
    ----------
    scores
        Published scores of every posting of past nights, best of whole months: month ends are ten times as busy.
    budget
        Share of postings to flag in such a month, in (0, 1).

    Raises
    ------
    SettingsError
        When the budget is not a share, or no score is given.
    """
    if not 0 < budget < 1:
        raise SettingsError(f"the alert budget is {budget}; it is a share of transactions, above 0 and below 1")
    if len(scores) == 0:
        raise SettingsError("a threshold needs the scores of past nights and got none: give it more history")
    allowed = int(np.floor(budget * len(scores)))
    candidates, counts = np.unique(scores, return_counts=True)
    reaching = np.cumsum(counts[::-1])[::-1]
    within = candidates[reaching <= allowed]
    # When even the highest score is shared by more rows than the budget allows, none of them is flagged.
    return float(within[0] if len(within) else np.nextafter(candidates[-1], np.inf))


def flag(scores: Vector, threshold: float) -> Flags:
    """Which rows reach the threshold."""
    return np.asarray(scores >= threshold, dtype=np.bool_)
