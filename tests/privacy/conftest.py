"""The small lake, made once and put back for each test in the place that its catalog names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import Settings, get_settings
from tests.privacy import lakes

collect_ignore = ["killed.py"]
"""Started as a program of its own."""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of the lake and its key, and a copy of it as it was built."""
    folder = tmp_path_factory.mktemp("privacy") / "work"
    folder.mkdir()
    lakes.build(folder)
    return folder, Path(shutil.copytree(folder, folder.with_name("saved")))


@pytest.fixture
def lake(built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder with the lake, as it was built; `verify` uses its key."""
    folder, saved = built
    shutil.rmtree(folder)
    shutil.copytree(saved, folder)
    monkeypatch.setenv("ADS_KEY_FILE", str(folder / "keys" / "lake.key"))
    get_settings.cache_clear()
    yield folder
    get_settings.cache_clear()


@pytest.fixture
def settings(lake: Path) -> Settings:
    """The settings of the lake."""
    return lakes.settings_of(lake)
