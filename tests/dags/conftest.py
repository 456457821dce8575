"""An installation with places of its own and places by name, and the database that runs are kept in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.settings import get_settings


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation with a source and a lake of its own, and others by name."""
    monkeypatch.setenv("ADS_SOURCE_URI", "postgresql+psycopg://bank:secret@host/bank")
    monkeypatch.setenv("ADS_LAKE_URI", "file:/lake")
    monkeypatch.setenv("ADS_SOURCES", '{"trial": "file:/trial?rounding=0.1"}')
    monkeypatch.setenv("ADS_LAKES", '{"trial": "file:/trial/lake", "sandbox": "file:/sandbox"}')
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def database() -> None:
    """Airflow's database."""
    from airflow.utils.db import initdb

    initdb()
