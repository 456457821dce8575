"""An Airflow home of the tests' own, named before Airflow is imported, which reads it then."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest

from include.settings import PROJECT_ROOT, get_settings

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-tests-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "false")
os.environ.setdefault("AIRFLOW__CORE__DAGS_FOLDER", str(PROJECT_ROOT / "dags"))
os.environ.setdefault("AIRFLOW__CORE__PLUGINS_FOLDER", str(PROJECT_ROOT / "plugins"))


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
