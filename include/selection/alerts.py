"""How many alerts an ensemble would have raised on the last nights that measure, as they really were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from include.lake.work_folder import WorkFolder
from include.models.base import Vector
from include.models.calibration import Calibration
from include.models.detectors import Weights
from include.models.threshold import BUDGET_DAYS, AlertBudget, choose_threshold, flag
from include.selection.fold_data import LEARNING, NIGHTS, SharedFold
from include.selection.plan import Fold, Plan
from include.selection.results import blended


@dataclass(frozen=True)
class NightlyAlerts:
    """Alerts night by night.

    Attributes
    ----------
    nights
        In order.
    flagged, postings
        Flagged postings and all postings of each night.
    """

    nights: tuple[date, ...]
    flagged: tuple[int, ...]
    postings: tuple[int, ...]


def nightly_alerts(folder: WorkFolder, plan: Plan, weights: Weights) -> NightlyAlerts:
    """Score the last fold's nights, with the threshold from the nights of the fold before, as a training sets it.

    With one fold there are no other nights that were not learned from: the threshold is then theirs too.
    """
    last, earlier = plan.folds[-1], plan.folds[-2:][0]
    threshold = choose_threshold(_published(folder, weights, earlier), plan.budget)
    nights, scores = SharedFold(folder, last.number).nights(), _published(folder, weights, last)
    days = (earlier.before - earlier.check_from).days
    budget = AlertBudget(threshold, plan.budget, round(earlier.checked_rows * BUDGET_DAYS / days))
    flagged = flag(scores, budget.nightly(nights, scores, nights[:0], scores[:0]))
    found, places, counts = np.unique(nights, return_inverse=True, return_counts=True)
    of_night = np.bincount(places, weights=flagged, minlength=len(found)).astype(int)
    return NightlyAlerts(tuple(found.tolist()), tuple(of_night.tolist()), tuple(counts.tolist()))


def _published(folder: WorkFolder, weights: Weights, fold: Fold) -> Vector:
    """Published scores of a fold's nights, on the scale of what was learned from."""
    calibration = Calibration.learn(blended(folder, weights, fold.number, LEARNING))
    return calibration.apply(blended(folder, weights, fold.number, NIGHTS))
