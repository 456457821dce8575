"""`make night` on the real bank: it says what happened, and its exit status is 0 only when the night was published."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from include.settings import PROJECT_ROOT
from local.headless import HEADLESS_HOME

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


def _night(date: str, source: Path, lake: Path, key: Path) -> subprocess.CompletedProcess[str]:
    words = ["make", "--silent", "night", f"DATE={date}", f"SOURCE={source}", f"LAKE={lake}"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(lake.parent), "ADS_KEY_FILE": str(key)}
    return subprocess.run(words, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)


def _reason(failed: subprocess.CompletedProcess[str]) -> str:
    """The last line but make's own."""
    return [line for line in failed.stderr.splitlines() if line and not line.startswith("make:")][-1]


def test_a_night_is_published_and_leaves_no_airflow_behind(pkdd, tmp_path):
    homes = set(HEADLESS_HOME.glob("*"))
    played = _night("1993-01-13", pkdd, tmp_path / "lake", tmp_path / "key")
    assert played.returncode == 0, played.stderr
    assert "The night is published." in played.stdout
    assert "settlement_date: 1993-01-13" in played.stdout
    assert (tmp_path / "lake" / "data_docs" / "nights" / "1993-01-13" / "index.html").exists()
    assert set(HEADLESS_HOME.glob("*")) <= homes


@pytest.mark.parametrize("date", ["1994-02-31", "yesterday", ""])
def test_a_date_that_is_none_is_refused_before_anything_starts(pkdd, tmp_path, date):
    failed = _night(date, pkdd, tmp_path / "lake", tmp_path / "key")
    assert failed.returncode != 0
    assert f"{date!r} is not a settlement date" in _reason(failed)
    assert not (tmp_path / "lake").exists()


def test_a_failed_night_ends_with_its_reason(tmp_path):
    nowhere = tmp_path / "nowhere"
    failed = _night("1993-01-13", nowhere, tmp_path / "lake", tmp_path / "key")
    assert failed.returncode != 0
    assert str(nowhere) in _reason(failed)
    assert "extract failed, try 1" in failed.stdout
    assert "try 2" not in failed.stdout
