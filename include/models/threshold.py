"""The alert threshold: chosen so that a past month flags the budget's share, and raised on nights of busier months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from include.errors import SettingsError
from include.models.base import Vector
from include.models.calibration import published, rarity_of

Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

BUDGET_DAYS = 31
"""Days over which the budget is kept, ending with the night: whatever the night, they contain the end of one month."""
MOST_RISE = 0.5
"""How far a busy month may raise the threshold, in powers of ten: half a power means postings three times as rare.
Without a bound, whoever floods the bank with odd postings would hide other odd ones. The real January 1994, with 2.5
times the cash withdrawals of any month before, needed 0.4."""


def budget_month(night: date) -> date:
    """The first of the nights that share an alert budget with `night`."""
    return night - timedelta(days=BUDGET_DAYS - 1)


def choose_threshold(scores: Vector, budget: float) -> float:
    """The lowest threshold that would have flagged at most the budget's share of past rows.

    Parameters
    ----------
    scores
        Published scores of every posting of past nights, preferably of whole months: month ends are ten times as busy.
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
    # When more rows share the highest score than the budget allows, none of them is flagged.
    return float(within[0] if len(within) else np.nextafter(candidates[-1], np.inf))


@dataclass(frozen=True)
class AlertBudget:
    """The threshold that training chose, and the alert budget that it keeps.

    After a change of champion the earlier nights' scores are those of the old model. They state how rare a posting is,
    as the new model's scores do, and count as they are: for a month both models share one budget.

    Attributes
    ----------
    threshold
        Published score above which the budget's share of the held-back nights' postings lay.
    share
        The budget, a share of postings.
    month_rows
        Postings of `BUDGET_DAYS` such nights, so that a month that has only begun may flag a whole month's number.
    """

    threshold: float
    share: float
    month_rows: int

    def nightly(self, nights: Days, scores: Vector, earlier_nights: Days, earlier_scores: Vector) -> Vector:
        """The threshold of each row, which is its night's.

        It is the trained threshold, unless the `BUDGET_DAYS` that end with the night have more postings above it than
        the budget allows. It then rises until only the highest-scored ones within the budget are flagged, by
        `MOST_RISE` at most. It never falls below the trained one, so that a quiet month simply has fewer findings.

        Parameters
        ----------
        nights, scores
            Settlement date and published score of every row.
        earlier_nights, earlier_scores
            Settlement date and published score of the postings of the nights before the first, as far as known.
        """
        all_nights, all_scores = np.concatenate([earlier_nights, nights]), np.concatenate([earlier_scores, scores])
        order = np.argsort(all_nights, kind="stable")
        all_nights, all_scores = all_nights[order], all_scores[order]
        limits = np.full(len(scores), self.threshold)
        for night in np.unique(nights):
            since, until = np.searchsorted(all_nights, [night - np.timedelta64(BUDGET_DAYS - 1), night + _ONE_DAY])
            limits[nights == night] = self._limit(all_scores[since:until])
        return limits

    def _limit(self, month: Vector) -> float:
        # At least one posting, however small the bank; rounded, as a product of floats may lie just below an integer.
        allowed = max(round(self.share * max(len(month), self.month_rows)), 1)
        beyond = np.sort(month[month >= self.threshold])[::-1]
        if len(beyond) <= allowed:
            return self.threshold
        # The first posting beyond the budget is not flagged, nor is any with the same score.
        return min(float(np.nextafter(beyond[allowed], np.inf)), self._highest)

    @property
    def _highest(self) -> float:
        return float(published(rarity_of(np.array([self.threshold])) + MOST_RISE)[0])


_ONE_DAY = np.timedelta64(1)


def flag(scores: Vector, threshold: float | Vector) -> Flags:
    """Whether each row's score reaches the threshold; a vector gives each row its own threshold."""
    return np.asarray(scores >= threshold, dtype=np.bool_)
