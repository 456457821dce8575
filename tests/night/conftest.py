"""Nights on the real bank: a folder that may be changed, a lake of its own, and a way to play."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.night import NightRequest, run_night
from include.night.modelling import train_champion
from include.settings import get_settings
from tests.registry.moving import move_models

collect_ignore = ["earlier_version.py"]
"""Runs on the code of another version, whose names this one does not have."""

Play = Callable[[str, Path, Path], dict[str, Any]]


@pytest.fixture(scope="session", autouse=True)
def own_key(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A master key for these tests alone."""
    patch = pytest.MonkeyPatch()
    patch.setenv("ADS_KEY_FILE", str(tmp_path_factory.mktemp("keys") / "lake.key"))
    get_settings.cache_clear()


@pytest.fixture
def bank(pkdd: Path, tmp_path: Path) -> Path:
    """A copy of the real relations that a test may damage."""
    folder = Path(shutil.copytree(pkdd, tmp_path / "bank"))
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


@pytest.fixture(scope="session")
def trained(pkdd: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of a model that may score the last week of January 1994."""
    lake = tmp_path_factory.mktemp("trained")
    train_champion(f"file:{pkdd}", f"file:{lake}", date(1994, 1, 26))
    return lake


@pytest.fixture
def ready_model(trained: Path, tmp_path: Path) -> None:
    """The test's lake, `tmp_path` or `lake` in it, has its model: nobody waits for a training that is not the point."""
    for lake in (tmp_path, tmp_path / "lake"):
        move_models(f"file:{trained}", f"file:{lake}", get_settings())


def play(night: str, source: Path, lake: Path, attempt: str = "test") -> dict[str, Any]:
    """One night, from its source to its published findings."""
    return run_night(NightRequest.of(night, f"file:{source}", f"file:{lake}", attempt))


def nights(first: str, last: str) -> list[str]:
    """Every date from `first` to `last`."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(start + timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]


def without_line(path: Path, fragment: str) -> str:
    """Take the one line that holds `fragment` out of a file, and give it."""
    lines = path.read_text().splitlines(keepends=True)
    (found,) = [line for line in lines if fragment in line]
    path.write_text("".join(line for line in lines if line is not found), newline="")
    return found
