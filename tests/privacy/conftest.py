"""The small lake, made once and put back for each test in the place that its catalog names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.privacy import erase
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


@pytest.fixture(scope="session")
def emptied(built: tuple[Path, Path]) -> tuple[Path, Path, dict[str, Any]]:
    """The same folder, a copy of it after the client's erasure, and what the erasure told.

    Rows that no reader saw lay there too.
    """
    folder, saved = built
    _put_back(saved, folder)
    lakes.leave_behind(folder)
    told = erase(lakes.uri_of(folder), lakes.CLIENT, lakes.settings_of(folder), lakes.TODAY)
    return folder, Path(shutil.copytree(folder, folder.with_name("emptied"))), told


@pytest.fixture
def lake(built: tuple[Path, Path], own_key: None) -> Path:
    """The folder with the lake, as it was built."""
    folder, saved = built
    return _put_back(saved, folder)


@pytest.fixture
def erased(emptied: tuple[Path, Path, dict[str, Any]], own_key: None) -> tuple[Path, dict[str, Any]]:
    """The folder with the lake after the client's erasure, and what the erasure told."""
    folder, saved, told = emptied
    return _put_back(saved, folder), told


@pytest.fixture
def own_key(built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lake's key is the process's own, which `verify` uses."""
    monkeypatch.setenv("ADS_KEY_FILE", str(built[0] / "keys" / "lake.key"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Settings]]:
    """The folder of a lake of one night with few tables, and its settings."""
    lakes.build_small(tmp_path)
    monkeypatch.setenv("ADS_KEY_FILE", str(tmp_path / "keys" / "lake.key"))
    get_settings.cache_clear()
    yield tmp_path, lakes.settings_of(tmp_path)
    get_settings.cache_clear()


@pytest.fixture
def settings(built: tuple[Path, Path]) -> Settings:
    """The settings of the lake."""
    return lakes.settings_of(built[0])


def _put_back(saved: Path, folder: Path) -> Path:
    shutil.rmtree(folder)
    return Path(shutil.copytree(saved, folder))
