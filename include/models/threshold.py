"""The alert threshold: chosen on past nights so that a month's share is the budget, and kept to it night by night."""

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
"""Days the budget is kept over, the night the last of them: whatever the night, one month's end is among them."""
MOST_RISE = 0.5
"""How far a busy month may raise the threshold, in powers of ten: to postings that are three times as rare. Without a
bound, whoever floods the bank with odd postings would hide what else is odd. The real January 1994, with 2.5 times the
cash withdrawals of any month before, needed 0.4."""


def budget_month(night: date) -> date:
    """The first of the nights whose findings share an alert budget with `night`'s."""
    return night - timedelta(days=BUDGET_DAYS - 1)


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


@dataclass(frozen=True)
class AlertBudget:
    """The threshold training chose, and what it was to keep.

    After a change of champion the nights before were scored by the old one. Their scores say how rare a posting is, as
    the new one's do, and count as they are: for a month the budget is kept by both models together.

    Attributes
    ----------
    threshold
        Published score beyond which the budget's share of the held-back nights lay.
    share
        The budget, a share of postings.
    month_rows
        Postings of `BUDGET_DAYS` such nights: a month that has only begun may flag a whole month's number.
    """

    threshold: float
    share: float
    month_rows: int

    def nightly(self, nights: Days, scores: Vector, earlier_nights: Days, earlier_scores: Vector) -> Vector:
        """Each row's threshold: its night's.

        It is the trained one, unless the `BUDGET_DAYS` that end with the night have more postings beyond that than
        the budget allows: then the highest-scored ones within the budget are flagged, as far as `MOST_RISE` goes. It
        never falls below the trained one: a quiet month has fewer findings, not others.

        Parameters
        ----------
        nights, scores
            Settlement date and published score of every row.
        earlier_nights, earlier_scores
            The same of the postings of the nights before the first, as far as they are known.
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
        # At least one, however small the bank; rounded, since a product of floats may lie just below a whole number.
        allowed = max(round(self.share * max(len(month), self.month_rows)), 1)
        beyond = np.sort(month[month >= self.threshold])[::-1]
        if len(beyond) <= allowed:
            return self.threshold
        # The first that is too many is not flagged, nor is any that scored the same.
        return min(float(np.nextafter(beyond[allowed], np.inf)), self._highest)

    @property
    def _highest(self) -> float:
        return float(published(rarity_of(np.array([self.threshold])) + MOST_RISE)[0])


_ONE_DAY = np.timedelta64(1)


def flag(scores: Vector, threshold: float | Vector) -> Flags:
    """Which rows reach the threshold, or each its own."""
    return np.asarray(scores >= threshold, dtype=np.bool_)
