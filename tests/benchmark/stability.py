"""What needs no labels: whether a ranking stays when the seed or the night changes, and what month ends do to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.stats import spearmanr

from include.evaluation.metrics import cutoff
from include.learning.sample import nights_of
from include.models.base import Vector
from include.models.model import Model
from tests.benchmark.banks import Bench
from tests.benchmark.rankings import Ranker, model_ranker
from tests.benchmark.trained import BUDGET, SEED, trained


def stability(bench: Bench, ranker: Ranker) -> dict[str, dict[str, dict[str, float]]]:
    """Agreement on the clean window with a model of another seed, and with one trained a week earlier."""
    others = {
        "another seed": trained(bench, seed=SEED + 1),
        "a week apart": trained(bench, bench.before - timedelta(days=7)),
    }
    window = bench.window
    mine = ranker(window)
    return {
        pair: {name: agreement(mine[name], scores) for name, scores in model_ranker(other)(window).items()}
        for pair, other in others.items()
    }


def agreement(one: Vector, other: Vector) -> dict[str, float]:
    """Spearman's correlation, and the shared part of the top of the budget (Jaccard)."""
    tops = [scores >= cutoff(scores, BUDGET) for scores in (one, other)]
    shared = float((tops[0] & tops[1]).sum() / max((tops[0] | tops[1]).sum(), 1))
    return {"spearman": float(spearmanr(one, other).statistic), "overlap": shared}


def month_ends(bench: Bench, rankers: dict[str, Ranker], budget: float) -> dict[str, Any]:
    """Share of rows on the last two days or the first of a month, among postings and among each ranking's top."""
    window = bench.window
    at_end = _is_month_end(window)
    alerts = {
        name: float(at_end[scores >= cutoff(scores, budget)].mean())
        for ranker in rankers.values()
        for name, scores in ranker(window).items()
    }
    return {"postings": float(at_end.mean()), "alerts": alerts}


def _is_month_end(features: pa.Table) -> npt.NDArray[np.bool_]:
    nights = features["settlement_date"].to_pylist()
    return np.array([night.day == 1 or (night + timedelta(days=2)).day <= 2 for night in nights], dtype=np.bool_)


def months(bench: Bench, model: Model) -> list[dict[str, Any]]:
    """What the published score flags of each month, nothing planted; months of training are among them."""
    features = bench.features
    nights, scores = nights_of(features), model.score(model.values(features))
    flagged = scores >= model.alert_budget.nightly(nights, scores, nights[:0], scores[:0])
    names = np.array([night.strftime("%Y-%m") for night in features["settlement_date"].to_pylist()])
    return [
        {"month": str(name), "rows": int((names == name).sum()), "flagged": float(flagged[names == name].mean())}
        for name in np.unique(names)
    ]
