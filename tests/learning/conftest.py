"""A small approved model with its canary set, and lakes whose published nights left profiles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from include.lake import Lake
from include.learning.canary import CANARY, REFERENCE, Canary, parquet_bytes
from include.learning.profile import PROFILE_TABLE, night_profile
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


@pytest.fixture(scope="session")
def canary(model: Model) -> Canary:
    """Rows the model was fitted on, and the same ones with everything added to their signs."""
    planted = RAW_ROWS.copy()
    planted[:, :3] += 2.0
    return Canary(RAW_ROWS, planted, ("burst",) * 200 + ("drain",) * 200, ("plain",) * 400)


@pytest.fixture(scope="session")
def reference(model: Model) -> pa.Table:
    return night_profile(model, RAW_ROWS, np.ones(len(RAW_ROWS)))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The process's own, with a key of the test's."""
    monkeypatch.setenv("ADS_KEY_FILE", str(tmp_path / "keys" / "lake.key"))
    get_settings.cache_clear()
    yield get_settings()
    get_settings.cache_clear()


@pytest.fixture
def lake_uri(tmp_path: Path, settings: Settings, model: Model, canary: Canary, reference: pa.Table) -> str:
    """A lake with the small model as champion, nothing published."""
    uri = f"file:{tmp_path / 'lake'}"
    registry = ModelRegistry.open(uri, settings)
    registry.promote(registry.save(model))
    registry.keep(model.version, CANARY, canary.to_bytes(model.features))
    registry.keep(model.version, REFERENCE, parquet_bytes(reference))
    return uri


Publish = Callable[[int, Matrix], date]


@pytest.fixture
def publish(lake_uri: str, model: Model) -> Publish:
    """Publishes night number n with the profile that raw rows leave."""

    def published(number: int, rows: Matrix) -> date:
        night, lake = FIRST + timedelta(days=number), Lake.open(lake_uri)
        profile = night_profile(model, rows, np.ones(len(rows)))
        dated = profile.add_column(0, "settlement_date", pa.array([night] * profile.num_rows, pa.date32()))
        stamp = stamp_of("a", night)
        lake.replace(PROFILE_TABLE, night, dated, stamp)
        lake.publish_manifest(manifest_row(stamp), stamp)
        return night

    return published
