"""Refreshes an approved model: its ensemble is fitted again on recent ordinary rows, within bounds of the old one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from include.features.catalog import GRADED
from include.learning.sample import Sample, nights_of
from include.models.base import Matrix
from include.models.calibration import Calibration
from include.models.ensemble import blend
from include.models.model import Model, Training
from include.models.preparation import Preparation
from include.models.threshold import flag
from include.training import Recipe
from include.training.fitting import FitContext, Fitted, fit_on
from include.training.split import REFRESH_NIGHTS_SEEN
from include.training.train import HeldBack, library_versions

REFRESH_BASELINE = "lesson"
"""Name of the part of a model version that holds its refresh baseline."""
REFRESH_NIGHTS = 7
"""Nights from one refresh to the next: a slow drift hardly moves within a week, and each refresh adds a whole week."""


def draw_refresh_baseline(model: Model, held_back: HeldBack) -> Sample:
    """The refresh baseline: a thinned sample of the model's last training year, and all planted rows of its fit."""
    planted = [model.values(round_.positives) for round_ in held_back.fitted_on]
    kinds, strengths = (
        [label for round_ in held_back.fitted_on for label in getattr(round_, of)[round_.is_planted]]
        for of in ("kinds", "strengths")
    )
    return Sample(
        ordinary=model.values(held_back.recent),
        planted=_stacked(np.empty((0, len(model.features))), *planted),
        nights=nights_of(held_back.recent),
        kinds=tuple(map(str, kinds)),
        strengths=tuple(map(str, strengths)),
    )


def refreshed(approved: Model, baseline: Sample, rows: Matrix, night: date) -> Model:
    """The approved model with its ranking refreshed on the nights up to `night`.

    The preparation, the detectors with a weight and the calibrations are fitted again on the year that ends with the
    night; the sequence reader, weights and threshold stay. The fit uses postings that nothing speaks against. It also
    keeps the unusual rows of the approved model's own past for good: a person approved them, and later nights add none,
    so that detectors that learn from examples would otherwise take every natural tail for an anomaly. The level stays
    that of the approved model: over all training rows, the refreshed rarities have the distribution of the approved
    model's. A refresh thus changes the ranking, but raises neither more nor fewer alerts.

    Parameters
    ----------
    approved
        The approved model, as trained or refreshed before; earlier refreshes have no effect.
    baseline
        Refresh baseline that was stored with the model.
    rows
        Refresh rows of the nights since its training, with columns in the order of the model's `features`.
    night
        The last of these nights.
    """
    trained = approved.trained()
    since = np.datetime64(night - timedelta(days=REFRESH_NIGHTS_SEEN - 1))
    unusual = flag(trained.score(baseline.ordinary), trained.threshold)
    usual = _stacked(baseline.ordinary[~unusual & (baseline.nights >= since)], rows)
    values = _stacked(usual, baseline.ordinary[unusual])
    fitted = _fit(trained, baseline, values)
    exponents = blend(fitted.exponents, trained.weights)
    refresh = Model(
        sequence=trained.sequence,
        preparation=fitted.preparation,
        members=fitted.members(trained.weights),
        calibration=Calibration.matching(exponents, trained.rarities(values)),
        threshold=trained.threshold,
        training=_training(trained, baseline, values, night),
        versions=library_versions(),
    )
    return trained.refreshed(refresh)


def _fit(trained: Model, baseline: Sample, values: Matrix) -> Fitted:
    """The detectors with a weight above 0, fitted on raw rows."""
    learned = trained.preparation
    codes = dict(zip(learned.features, learned.codes, strict=True))
    preparation = Preparation.learn(codes, learned.context, values, GRADED)
    columns = [trained.features.index(name) for name in preparation.columns]
    context = FitContext(trained.sequence, preparation, values[:, columns])
    labels = (np.array(of, dtype=np.object_) for of in (baseline.kinds, baseline.strengths))
    examples = context.weigh(baseline.planted[:, columns], *labels) if len(baseline.planted) else None
    return fit_on(context, examples, _recipe_of(trained), trained.training.seed)


def _recipe_of(model: Model) -> Recipe:
    settings = {member.name: member.detector.settings() for member in model.members if member.weight > 0}
    return Recipe(detectors=tuple(settings), ensembles=(), settings=settings)


def _training(trained: Model, baseline: Sample, values: Matrix, night: date) -> Training:
    learned_from = _stacked(values, baseline.planted)
    return replace(
        trained.training,
        first_night=min(night - timedelta(days=REFRESH_NIGHTS_SEEN - 1), trained.training.last_night),
        last_night=night,
        rows=len(values),
        planted_rows=len(baseline.planted),
        data_digest=hashlib.sha256(learned_from.tobytes()).hexdigest(),
        notes=(),
    )


def _stacked(*matrices: Matrix) -> Matrix:
    return np.asarray(np.vstack(matrices), dtype=np.float64)
