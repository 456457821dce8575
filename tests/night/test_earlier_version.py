"""A lake that an earlier version wrote: opened, verified, played on and rolled back by this one."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from include.lake import Lake
from include.night import verify
from include.night.columns import FIRST_COLUMNS, NightColumns
from include.registry import ModelRegistry
from include.selection import rollback
from include.settings import get_settings
from tests.night.conftest import play

EARLIER = "ffec281"
"""The last commit whose nights did not keep their columns."""
NIGHT, NEXT = date(2023, 5, 8), date(2023, 5, 9)
PROJECT = Path(__file__).resolve().parent.parent.parent


def _earlier_code(folder: Path) -> None:
    archive = subprocess.run(["git", "-C", PROJECT, "archive", EARLIER], capture_output=True)
    if archive.returncode:
        pytest.skip(f"no commit {EARLIER} in this clone: the earlier version's code is not at hand")
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bank, and of the lake that the earlier version left of it."""
    code, folder = tmp_path_factory.mktemp("code"), tmp_path_factory.mktemp("earlier")
    _earlier_code(code)
    environment = {**os.environ, "PYTHONPATH": str(code)}
    script = Path(__file__).with_name("earlier_version.py")
    subprocess.run([sys.executable, script, folder], cwd=code, env=environment, check=True, capture_output=True)
    return folder


def test_its_night_verifies_over_the_columns_it_was_written_with(earlier: Path) -> None:
    row = Lake.open(f"file:{earlier / 'lake'}").published(NIGHT)
    assert NightColumns.kept(row) == FIRST_COLUMNS
    assert verify(f"file:{earlier / 'lake'}")["verified"] == [NIGHT.isoformat()]


def test_its_lake_plays_the_next_night(earlier: Path) -> None:
    champion = ModelRegistry.open(f"file:{earlier / 'lake'}", get_settings()).champion()
    played = play(NEXT.isoformat(), earlier / "bank", earlier / "lake")
    assert played["model"].startswith(champion)
    assert verify(f"file:{earlier / 'lake'}")["nights"] == 2


def test_its_champion_is_rolled_back(earlier: Path) -> None:
    registry = ModelRegistry.open(f"file:{earlier / 'lake'}", get_settings())
    second, first = (reign.version for reign in registry.history())
    done = rollback(f"file:{earlier / 'lake'}", by="tester", why="as a test")
    assert done == {"champion": first, "before": second}
