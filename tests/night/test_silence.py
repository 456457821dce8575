"""A night long after the newest posting, or before the oldest: breaks are published, scores skipped with the reason."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from demo import generate_bank
from include.backtest import backtest
from include.night import verify
from include.selection import prepare
from include.settings import get_settings
from tests.night.conftest import play

LAST = date(2024, 5, 31)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank whose source ends: enough postings to train on, were they not so old."""
    folder = tmp_path_factory.mktemp("bank")
    generate_bank(folder, 60, date(2023, 9, 1), LAST, 3)
    return folder


@pytest.mark.parametrize("days", [62, 10_957], ids=["two months", "thirty years"])
def test_a_night_after_a_silence_is_published_without_scores(small: Path, tmp_path: Path, days: int) -> None:
    night = LAST + timedelta(days=days)
    published = play(night.isoformat(), small, tmp_path)
    assert published["model"].startswith("scores are skipped: 0 postings")
    assert set(published["breaks"]) <= {"missed_loan_payment"}
    assert verify(f"file:{tmp_path}")["nights"] == 1


def test_a_night_before_everything_is_published(small: Path, tmp_path: Path) -> None:
    published = play("2020-02-29", small, tmp_path)
    assert published["model"].startswith("scores are skipped: 0 days of history")
    assert verify(f"file:{tmp_path}")["nights"] == 1


def test_a_backtest_and_a_selection_after_a_silence_say_why(small: Path, tmp_path: Path) -> None:
    night = LAST + timedelta(days=1000)
    summary = backtest(f"file:{small}", night, night, tmp_path / "out", 0.02, get_settings())
    assert summary["model"].startswith("scores are skipped: 0 postings")
    prepared = prepare(f"file:{small}", f"file:{tmp_path / 'lake'}", night, "silent")
    assert not prepared["candidates"]
    assert prepared["note"].startswith("nothing is compared: 0 postings")
