"""The plots of a selection, each a matplotlib `Figure` of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from include.evaluation.episodes import STRENGTHS
from include.lake.work_folder import WorkFolder
from include.models.base import Vector
from include.models.calibration import Calibration
from include.models.detectors import Weights
from include.models.threshold import BUDGET_DAYS, AlertBudget, choose_threshold, flag
from include.selection.evidence import Pack
from include.selection.fold_data import LEARNING, NIGHTS, SharedFold, blended, round_name
from include.selection.plan import Fold, SelectionPlan

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class NightlyAlerts:
    """Numbers of alerts, night by night.

    Attributes
    ----------
    nights
        Nights in order.
    flagged, postings
        Number of flagged postings and of all postings of each night.
    """

    nights: tuple[date, ...]
    flagged: tuple[int, ...]
    postings: tuple[int, ...]


def nightly_alerts(folder: WorkFolder, plan: SelectionPlan, weights: Weights) -> NightlyAlerts:
    """Score the last fold's nights, with the threshold from the nights of the fold before, as a training sets it.

    With one fold there are no other nights that were not learned from: the threshold is then theirs too.
    """
    last, earlier = plan.folds[-1], plan.folds[-2:][0]
    threshold = choose_threshold(_published(folder, weights, earlier), plan.budget)
    nights, scores = SharedFold(folder, last.number).nights(), _published(folder, weights, last)
    days = (earlier.before - earlier.validation_from).days
    budget = AlertBudget(threshold, plan.budget, round(earlier.validation_rows * BUDGET_DAYS / days))
    flagged = flag(scores, budget.nightly(nights, scores, nights[:0], scores[:0]))
    found, places, counts = np.unique(nights, return_inverse=True, return_counts=True)
    of_night = np.bincount(places, weights=flagged, minlength=len(found)).astype(int)
    return NightlyAlerts(tuple(found.tolist()), tuple(of_night.tolist()), tuple(counts.tolist()))


def _published(folder: WorkFolder, weights: Weights, fold: Fold) -> Vector:
    """Published scores of a fold's validation nights, calibrated on its training rows."""
    calibration = Calibration.learn(blended(folder, weights, fold.number, LEARNING))
    return calibration.apply(blended(folder, weights, fold.number, NIGHTS))


def draw(folder: WorkFolder, pack: Pack) -> dict[str, Figure]:
    """The plots by name, `PLOTS`."""
    from include.evaluation.plots import cost_of_candidates, recall_by_kind

    data = f"{_span(pack.plan)}, planted, budget {pack.plan.budget:.0%}"
    kinds = sorted({row["kind"] for row in pack.comparison.rows} - {""})
    recalls = {kind: {strength: _mean(pack, kind, strength) for strength in STRENGTHS} for kind in kinds}
    costs = {n: (c.fit_seconds + c.score_seconds, c.peak_mib) for n, c in pack.costs.items() if not c.failure}
    return {
        "precision_recall": _precision_recall(folder, pack),
        "recall_by_kind": recall_by_kind(recalls, data=f"{pack.verdict.winner}, {data}"),
        **_alerts(folder, pack),
        "cost": cost_of_candidates(costs, data=data, champion=pack.comparison.champion),
    }


def _precision_recall(folder: WorkFolder, pack: Pack) -> Figure:
    """Precision-recall curves of winner, champion and every detector alone, on all rounds of the last month."""
    from include.evaluation.plots import precision_recall

    fold, names = pack.plan.folds[-1], [pack.verdict.winner, pack.comparison.champion, *pack.plan.recipe.detectors]
    shared, numbers = SharedFold(folder, fold.number), range(1, len(fold.seeds) + 1)
    is_planted = np.concatenate([shared.round(number).is_planted for number in numbers])

    def scores(name: str) -> Vector:
        weights = pack.comparison.specs[name].weights
        return np.concatenate([blended(folder, weights, fold.number, round_name(number)) for number in numbers])

    curves = {name: (is_planted, scores(name)) for name in dict.fromkeys(names) if name in pack.comparison.specs}
    data = f"{fold.validation_from} to {fold.before - timedelta(days=1)}, {len(fold.seeds)} planted rounds"
    return precision_recall(curves, data=data, champion=pack.comparison.champion)


def _alerts(folder: WorkFolder, pack: Pack) -> dict[str, Figure]:
    from include.evaluation.plots import alerts_a_night

    found = {}
    for who, name in (("challenger", pack.verdict.winner), ("champion", pack.comparison.champion)):
        if name:
            alerts = nightly_alerts(folder, pack.plan, pack.comparison.specs[name].weights)
            found[f"alerts_{who}"] = alerts_a_night(
                alerts.nights, alerts.flagged, alerts.postings, pack.plan.budget, data=f"{who}: {name}, nothing planted"
            )
    return found


def _mean(pack: Pack, kind: str, strength: str) -> float:
    found = pack.comparison.figure(pack.verdict.winner, "recall", strength, kind)
    return float("nan") if found is None else found.mean


def _span(plan: SelectionPlan) -> str:
    return f"{plan.folds[0].validation_from} to {plan.folds[-1].before - timedelta(days=1)}"
