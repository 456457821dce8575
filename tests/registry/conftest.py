"""Two small models with every way of being kept in them, an open registry, and postings to score."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from include.features.catalog import SURPRISES
from include.features.sequences import STEP, WINDOW
from include.models.base import Examples
from include.models.calibration import Calibration
from include.models.contrast import Contrast
from include.models.ensemble import Member, blend
from include.models.isolation_forest import IsolationForest
from include.models.local_outlier_factor import LocalOutlierFactor
from include.models.lstm import Lstm
from include.models.model import Model, Training, raw_scores
from include.models.preparation import Preparation
from include.registry import ModelRegistry
from include.settings import Settings

PLAIN = {"amount_z": "amount", "day_count": "frequency", "gap": "timing"}
CONTEXT = ("observed_days",)
SAYS = {"isolation_forest": 1.0, "contrast": 2.0, "lstm": 1.0}
"""Who has a say in the small models; the others look on."""

_RANDOM = np.random.default_rng(11)
_SIGNS = np.abs(_RANDOM.normal(size=(400, len(PLAIN) + len(CONTEXT))))
_SIGNS[::7, 1] = np.nan
_STEPS = _RANDOM.uniform(0, 1, (400, WINDOW + 1, STEP))
_STEPS[:, :, 0] = _RANDOM.integers(1, 6, (400, WINDOW + 1))
WINDOWS = _STEPS.reshape(400, -1).astype(np.float32)

FEATURES = pa.table(
    {
        **{name: pa.array(_SIGNS[:, i], from_pandas=True) for i, name in enumerate((*PLAIN, *CONTEXT))},
        "window": pa.FixedSizeListArray.from_arrays(pa.array(WINDOWS.reshape(-1)), WINDOWS.shape[1]),
    }
)
"""Postings as `build_features` describes them, as far as the small models look."""


@lru_cache(maxsize=4)
def small_model(seed: int) -> Model:
    """An ensemble of five, trained in a moment."""
    sequence = Lstm(seed, hidden=2, epochs=1).fit(WINDOWS)
    values = np.hstack([_SIGNS[:, :3], sequence.surprises(WINDOWS), _SIGNS[:, 3:]])
    preparation = Preparation.learn({**PLAIN, **dict.fromkeys(SURPRISES, "sequence")}, CONTEXT, values)
    prepared = preparation.apply(values)
    codes = preparation.view(prepared, "codes")
    examples = Examples(prepared[:40] + 3, np.ones(40))
    detectors = (
        IsolationForest(seed, trees=10).fit(codes),
        LocalOutlierFactor(seed, neighbours=5, reference_rows=100).fit(codes),
        Contrast(seed, preparation.free_columns, trees=5).fit(prepared, examples),
        sequence,
    )
    raws = {detector.name: raw_scores(detector, preparation, values, prepared) for detector in detectors}
    calibrations = {name: Calibration.learn(scores) for name, scores in raws.items()}
    members = tuple(Member(d, calibrations[d.name], SAYS.get(d.name, 0.0)) for d in detectors)
    day = date(1994, 1, 1)
    return Model(
        sequence=sequence,
        preparation=preparation,
        members=members,
        calibration=Calibration.learn(blend({n: calibrations[n].exponents_of(raws[n]) for n in raws}, SAYS)),
        threshold=0.44,
        training=Training(day, day, 400, 40, "00", seed, 0.02, day, 90, ("fin_district is absent",), 400),
        versions={"numpy": np.__version__},
    )


RAW_ROWS = small_model(1).values(FEATURES)


@pytest.fixture(scope="session")
def model() -> Model:
    return small_model(1)


@pytest.fixture(scope="session")
def other_model() -> Model:
    return small_model(2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(key_file=tmp_path / "keys" / "lake.key")


@pytest.fixture
def registry(tmp_path: Path, settings: Settings) -> ModelRegistry:
    return ModelRegistry.open(f"file:{tmp_path / 'lake'}", settings)
