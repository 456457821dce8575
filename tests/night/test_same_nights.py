"""The code before the rooms were moved, and this one, publish the same nights: equal output hashes, night by night.

Both play on this machine, since torch and BLAS differ in their last bits between machines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from demo import generate_bank
from include.settings import PROJECT_ROOT

BEFORE = "2eb2581"
"""The last commit with the rooms as they were."""


def _code_before(folder: Path) -> Path:
    archive = subprocess.run(["git", "-C", PROJECT_ROOT, "archive", BEFORE], capture_output=True)
    if archive.returncode:
        pytest.skip(f"no commit {BEFORE} in this clone: the code to compare with is not at hand")
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def _hashes(code: Path, source: str, lake: Path, first: str, last: str) -> dict[str, str]:
    script = Path(__file__).with_name("play_nights.py")
    environment = {**os.environ, "PYTHONPATH": str(code), "ADS_KEY_FILE": str(lake.with_suffix(".key"))}
    command = [sys.executable, str(script), source, f"file:{lake}", first, last]
    played = subprocess.run(command, cwd=code, env=environment, check=True, capture_output=True, text=True)
    return dict(json.loads(played.stdout.splitlines()[-1]))


def _plays_the_same(folder: Path, source: str, first: str, last: str) -> None:
    before = folder / "code"
    before.mkdir()
    old = _hashes(_code_before(before), source, folder / "old", first, last)
    new = _hashes(PROJECT_ROOT, source, folder / "new", first, last)
    assert len(old) >= 28
    assert new == old


@pytest.mark.long
def test_january_1994_is_published_as_it_was(pkdd: Path, tmp_path: Path) -> None:
    _plays_the_same(tmp_path, f"file:{pkdd}", "1994-01-01", "1994-01-31")


@pytest.mark.long
def test_a_generated_month_is_published_as_it_was(tmp_path: Path) -> None:
    generate_bank(tmp_path / "bank", 150, date(2023, 9, 1), date(2024, 2, 29), 5, incidents=True)
    _plays_the_same(tmp_path, f"file:{tmp_path / 'bank'}?rounding=0.1", "2024-02-01", "2024-02-29")
