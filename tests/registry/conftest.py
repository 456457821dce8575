"""Two small models of one kind, an open registry, and rows to score."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from include.models.calibration import Calibration
from include.models.isolation_forest import IsolationForest
from include.models.model import Model, Training
from include.models.preparation import Preparation
from include.registry import ModelRegistry
from include.settings import Settings

FEATURES = ("amount_z", "day_count", "gap")
ROWS = np.random.default_rng(11).normal(size=(400, len(FEATURES)))
ROWS[::7, 1] = np.nan


def small_model(seed: int) -> Model:
    preparation = Preparation.learn(FEATURES, ROWS)
    matrix = preparation.apply(ROWS)
    detector = IsolationForest(seed=seed, trees=20).fit(matrix)
    day = date(1994, 1, 1)
    training = Training(day, day, len(ROWS), len(ROWS), "00", seed, 0.02, day, 90, ("fin_district is absent",))
    return Model(
        detector=detector,
        preparation=preparation,
        calibration=Calibration.learn(detector.score(matrix)),
        threshold=0.44,
        typical=preparation.medians,
        training=training,
        versions={"numpy": np.__version__},
    )


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
