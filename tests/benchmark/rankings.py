"""Everything that ranks a bank's postings: detectors, ensembles of them, and scikit-learn on the plain features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from include.models.base import Matrix, Vector
from include.models.calibration import Calibration, rarity_of
from include.models.ensemble import blend
from include.models.model import Model
from include.models.threshold import BUDGET_DAYS, AlertBudget, Days, Flags, choose_threshold, flag
from include.training.choice import name_of
from include.training.fitting import sample_rows
from include.training.recipe import Recipe
from include.training.split import VALIDATION_DAYS

Ranker = Callable[[pa.Table], dict[str, Vector]]
"""From feature rows to a score a row, by name."""

PLAIN_FOREST, PLAIN_FACTOR = "plain_isolation_forest", "plain_local_outlier_factor"
PLAIN_NUMBERS = ("client_id", "amount", "balance_before", "balance_after", "client_age", "average_salary")
PLAIN_CODES = ("trans_type", "operation", "category", "frequency")
PLAIN_ROWS = 20_000
"""Rows the plain detectors are fitted on: as many as ours."""


def model_ranker(model: Model) -> Ranker:
    """Every detector of a model and every candidate ensemble of its recipe."""

    def rank(features: pa.Table) -> dict[str, Vector]:
        return candidates(exponents_of(model, features))

    return rank


def exponents_of(model: Model, features: pa.Table) -> dict[str, Vector]:
    """By detector, how rare each row's score was in training; read back from the published scale."""
    found = model.detector_scores(model.values(features))
    return {name: rarity_of(scores) for name, scores in found.items()}


def candidates(exponents: Mapping[str, Vector]) -> dict[str, Vector]:
    """What training chooses from."""
    usable = [weights for weights in Recipe().candidates() if set(weights) <= set(exponents)]
    return {name_of(weights): blend(exponents, weights) for weights in usable}


def chosen(model: Model) -> str:
    """The name of the ensemble that a model publishes."""
    mine = {name: weight for name, weight in model.weights.items() if weight > 0}
    return next(name_of(weights) for weights in Recipe().candidates() if dict(weights) == mine)


def plain_ranker(past: pa.Table, seed: int) -> Ranker:
    """scikit-learn's two as they come, on the mission's plain eleven features."""
    codes = {name: {code: n for n, code in enumerate(pc.unique(past[name]).to_pylist())} for name in PLAIN_CODES}
    raw = plain_matrix(past, codes)
    usual = np.nanmedian(raw, axis=0)
    rows = sample_rows(_filled(raw, usual), PLAIN_ROWS, seed)
    fitted = {name: pipeline.fit(rows) for name, pipeline in plain_detectors(seed).items()}

    def rank(features: pa.Table) -> dict[str, Vector]:
        matrix = _filled(plain_matrix(features, codes), usual)
        return {name: -pipeline.score_samples(matrix) for name, pipeline in fitted.items()}

    return rank


def plain_detectors(seed: int) -> dict[str, Pipeline]:
    """As they come, but for the scaling that distances need."""
    return {
        PLAIN_FOREST: make_pipeline(IsolationForest(n_estimators=200, random_state=seed)),
        PLAIN_FACTOR: make_pipeline(StandardScaler(), LocalOutlierFactor(novelty=True)),
    }


def plain_matrix(features: pa.Table, codes: Mapping[str, Mapping[str | None, int]]) -> Matrix:
    """The eleven: ids, amount, balances, codes as integers, age, the district's salary; NaN where missing."""
    numbers = [pc.cast(features[name], pa.float64()).to_numpy() for name in ("account_id", *PLAIN_NUMBERS)]
    coded = [np.array([codes[name].get(code, -1) for code in features[name].to_pylist()]) for name in PLAIN_CODES]
    return np.column_stack([*numbers, *coded]).astype(np.float64)


def _filled(matrix: Matrix, usual: Vector) -> Matrix:
    return np.asarray(np.where(np.isnan(matrix), np.nan_to_num(usual), matrix), dtype=np.float64)


@dataclass(frozen=True)
class Thresholds:
    """Each ranking's own threshold, set as training sets it: on past nights that a draft had not seen.

    Attributes
    ----------
    calibrations
        Of the final ranking on all of the past.
    budgets
        On the calibrated scale: the threshold, and what it is to keep.
    """

    calibrations: Mapping[str, Calibration]
    budgets: Mapping[str, AlertBudget]

    @classmethod
    def choose(
        cls, draft: Ranker, final: Ranker, past: pa.Table, validation_from: date, budget: float, most_rows: int = 60_000
    ) -> Thresholds:
        """From the past: a draft that saw the nights before `validation_from`, and the final ranking that saw all."""
        is_later = pc.greater_equal(past["settlement_date"], pa.scalar(validation_from))
        earlier = {name: Calibration.learn(scores) for name, scores in draft(past.filter(pc.invert(is_later))).items()}
        later = draft(past.filter(is_later))
        month_rows = round(int(pc.sum(is_later).as_py()) * BUDGET_DAYS / VALIDATION_DAYS)
        budgets = {
            name: AlertBudget(choose_threshold(earlier[name].apply(scores), budget), budget, month_rows)
            for name, scores in later.items()
        }
        rows = np.sort(np.random.default_rng(0).permutation(past.num_rows)[:most_rows])
        ranked = final(past.take(pa.array(rows)))
        return cls({name: Calibration.learn(scores) for name, scores in ranked.items()}, budgets)

    def by_night(self, name: str, scores: Vector, nights: Days) -> dict[np.datetime64, float]:
        """The threshold of every night of the clean window, as the budget moves it."""
        limits = self.budgets[name].nightly(nights, self.calibrations[name].apply(scores), nights[:0], scores[:0])
        return dict(zip(nights, limits, strict=True))

    def flagged(self, name: str, scores: Vector, limits: Vector) -> Flags:
        """Which rows the ranking would flag, each held against its night's limit."""
        return flag(self.calibrations[name].apply(scores), limits)
