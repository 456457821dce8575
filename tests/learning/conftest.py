"""A small approved model with its canary set, and lakes whose published nights left profiles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from include.lake import Lake
from include.learning.canary import CANARY, Canary
from include.learning.refresh import REFRESH_BASELINE
from include.learning.sample import Sample
from include.learning.sampling import REFRESH_SCHEMA, REFRESH_TABLE
from include.models.base import Matrix
from include.models.model import Model
from include.registry import ModelRegistry
from include.settings import Settings, get_settings
from tests.lake.nights import manifest_row, stamp_of
from tests.registry.conftest import RAW_ROWS, small_model

FIRST = date(1994, 1, 2)
"""The first night after the small model's training."""


@pytest.fixture(scope="session")
def model() -> Model:
    return small_model(1)


@pytest.fixture(scope="session")
def other_model() -> Model:
    return small_model(2)


def planted_rows() -> Matrix:
    """The rows the small model was fitted on with everything added to their signs."""
    planted = RAW_ROWS.copy()
    planted[:, :3] += 2.0
    return planted


KINDS, STRENGTHS = ("burst",) * 200 + ("drain",) * 200, ("plain",) * 400
NIGHTS = np.datetime64(FIRST) - 1 - np.arange(len(RAW_ROWS)) % 300
"""When the small model's rows were booked: all within a year before the first night."""


@pytest.fixture(scope="session")
def canary() -> Canary:
    return Canary(RAW_ROWS, planted_rows(), NIGHTS, KINDS, STRENGTHS)


@pytest.fixture(scope="session")
def baseline() -> Sample:
    return Sample(RAW_ROWS, planted_rows(), NIGHTS, KINDS, STRENGTHS)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The process's own, with a key of the test's."""
    monkeypatch.setenv("ADS_KEY_FILE", str(tmp_path / "keys" / "lake.key"))
    get_settings.cache_clear()
    yield get_settings()
    get_settings.cache_clear()


@pytest.fixture
def lake_uri(tmp_path: Path, settings: Settings, model: Model, canary: Canary, baseline: Sample) -> str:
    """A lake with the small model as champion, nothing published."""
    uri = f"file:{tmp_path / 'lake'}"
    registry = ModelRegistry.open(uri, settings)
    registry.promote(registry.save(model))
    registry.keep(model.version, CANARY, canary.to_bytes(model.features))
    registry.keep(model.version, REFRESH_BASELINE, baseline.to_bytes(model.features))
    return uri


Publish = Callable[[int, Matrix], date]


@pytest.fixture
def publish(lake_uri: str, model: Model) -> Publish:
    """Publishes night number n with raw rows that teach."""

    def published(number: int, rows: Matrix) -> date:
        night, lake = FIRST + timedelta(days=number), Lake.open(lake_uri)
        columns = [[model.version] * len(rows), rows.astype(np.float32).tolist()]
        taught = pa.table(columns, schema=REFRESH_SCHEMA)
        dated = taught.add_column(0, "settlement_date", pa.array([night] * len(rows), pa.date32()))
        stamp = stamp_of("a", night)
        lake.replace(REFRESH_TABLE, night, dated, stamp)
        lake.publish_manifest(manifest_row(stamp), stamp)
        return night

    return published
