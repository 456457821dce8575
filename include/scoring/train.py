"""Trains a model on what lies before a night and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.features import HABIT_DAYS, FeatureState, absence_notes, build_features
from include.features.catalog import MODEL_FEATURES
from include.models.base import Detector, Matrix
from include.models.calibration import Calibration
from include.models.detectors import detector_class
from include.models.isolation_forest import IsolationForest
from include.models.model import Model, Training, feature_values
from include.models.preparation import Preparation
from include.models.threshold import choose_threshold

WARM_UP_DAYS = 61
"""First days of a history whose rows train nothing: every habit is still empty, which no later night looks like."""
MIN_TRAINING_DAYS = 31
"""Days to train on after the warm-up: one whole month, so that its end, ten times as busy, is in it once."""
MIN_TRAINING_ROWS = 1000
"""With a budget of 2 % the threshold then rests on twenty rows, its own error is about a fifth of the budget."""
MAX_TRAINING_ROWS = 20_000
"""Rows the detector is fitted on. A forest of 200 trees of 256 rows looks at 51,200 draws at most; more rows cost
memory and change nothing. Calibration and threshold use all rows."""
THRESHOLD_DAYS = 92
"""Days of past nights the threshold is chosen on: three whole months, so that no single month's end decides."""

LIBRARIES = ("scikit-learn", "numpy", "duckdb", "skops")


@dataclass(frozen=True)
class TrainingOutcome:
    """A model, or why there is none.

    Attributes
    ----------
    model
        None when there was not enough history.
    note
        A sentence for people, either way.
    """

    model: Model | None
    note: str


def train(
    history: pa.Table,
    statics: Mapping[str, pa.Table],
    *,
    before: date,
    seed: int,
    budget: float,
    habit_days: int = HABIT_DAYS,
    detector_name: str = IsolationForest.name,
) -> TrainingOutcome:
    """Train on the postings dated before `before`.

    Parameters
    ----------
    history
        Accepted postings, from the first there is; what is dated `before` or later is ignored.
    statics
        Static relations by name.
    before
        The first night the model may score.
    seed
        Of the sample and of the detector.
    budget
        Share of an ordinary month's postings to flag.
    habit_days
        How far back habits reach.
    detector_name
        One of `include.models.detectors.DETECTORS`.

    Returns
    -------
    TrainingOutcome
        Without a model when there is too little history; the night is then published without scores.
    """
    past = history.filter(pc.less(history["trans_date"], pa.scalar(before)))
    shortage = history_shortage(past, before)
    if shortage:
        return TrainingOutcome(None, shortage)
    features = build_features(past, past.slice(0, 0), statics, FeatureState.empty(), habit_days=habit_days)
    settled = _after_warm_up(features)
    notes = absence_notes(statics, past)
    model = _fit(settled, detector_class(detector_name)(seed=seed), seed, budget, before, habit_days, notes)
    return TrainingOutcome(model, f"{model.version} was trained on {settled.num_rows} postings before {before}")


def history_shortage(past: pa.Table, before: date) -> str:
    """Why the postings do not suffice to train on, as a sentence; empty when they do."""
    needed_days = WARM_UP_DAYS + MIN_TRAINING_DAYS
    first = pc.min(past["trans_date"]).as_py()
    days = (before - first).days if first else 0
    if days < needed_days:
        return (
            f"scores are skipped: {days} days of history lie before {before}, {needed_days} are needed "
            f"({WARM_UP_DAYS} to form habits, {MIN_TRAINING_DAYS} to learn from)"
        )
    rows = _rows_since(past, "trans_date", first + timedelta(days=WARM_UP_DAYS)).num_rows
    if rows < MIN_TRAINING_ROWS:
        return (
            f"scores are skipped: {rows} postings before {before} can be learned from, {MIN_TRAINING_ROWS} are needed"
        )
    return ""


def _after_warm_up(features: pa.Table) -> pa.Table:
    first = pc.min(features["settlement_date"]).as_py()
    return _rows_since(features, "settlement_date", first + timedelta(days=WARM_UP_DAYS))


def _rows_since(table: pa.Table, column: str, since: date) -> pa.Table:
    return table.filter(pc.greater_equal(table[column], pa.scalar(since)))


def _fit(
    features: pa.Table,
    detector: Detector,
    seed: int,
    budget: float,
    before: date,
    habit_days: int,
    notes: tuple[str, ...],
) -> Model:
    """All learned parts, in the order they build on each other."""
    names = tuple(feature.name for feature in MODEL_FEATURES)
    preparation = Preparation.learn(names, feature_values(features, names))
    values = feature_values(features, preparation.features)
    matrix = preparation.apply(values)
    sample = sample_rows(matrix, seed)
    detector.fit(sample)
    raw = detector.score(matrix)
    calibration = Calibration.learn(raw)
    nights = features["settlement_date"]
    since = max(pc.min(nights).as_py(), before - timedelta(days=THRESHOLD_DAYS))
    recent = pc.greater_equal(nights, pa.scalar(since)).to_numpy()
    training = Training(
        first_night=pc.min(nights).as_py(),
        last_night=pc.max(nights).as_py(),
        rows=features.num_rows,
        sampled_rows=len(sample),
        data_digest=hashlib.sha256(values.tobytes()).hexdigest(),
        seed=seed,
        budget=budget,
        threshold_since=since,
        habit_days=habit_days,
        notes=notes,
    )
    return Model(
        detector=detector,
        preparation=preparation,
        calibration=calibration,
        threshold=choose_threshold(calibration.apply(raw[recent]), budget),
        typical=preparation.medians,
        training=training,
        versions={name: version(name) for name in LIBRARIES},
    )


def sample_rows(matrix: Matrix, seed: int) -> Matrix:
    """At most `MAX_TRAINING_ROWS` rows, drawn without replacement, in their own order."""
    if len(matrix) <= MAX_TRAINING_ROWS:
        return matrix
    chosen = np.random.default_rng(seed).choice(len(matrix), MAX_TRAINING_ROWS, replace=False)
    return matrix[np.sort(chosen)]
