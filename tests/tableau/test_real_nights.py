"""Extracts of real nights hold as many rows of each table as the lake shows masked readers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from include.lake import Lake
from include.night import NightRequest, run_night
from include.settings import get_settings
from include.tableau.contents import MARTS, table_of
from tests.tableau.hyper import rows_in

FIRST = date(1994, 1, 28)
NIGHTS = [FIRST + timedelta(days=day) for day in range(4)]
"""The last of them ends a month, when interest is credited to almost every account."""


@pytest.fixture(autouse=True)
def extracts_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ADS_EXTRACTS", "on")
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.mark.long
def test_extracts_of_real_nights_hold_the_rows_of_the_lake(pkdd: Path, tmp_path: Path) -> None:
    uri = f"file:{tmp_path / 'lake'}"
    for night in NIGHTS:
        run_night(NightRequest.of(night, f"file:{pkdd}", uri, "test"), progress=print)
    lake, folder = Lake.open(uri), tmp_path / "lake" / "extracts"
    spans = {f"{night}.hyper": (night, night) for night in NIGHTS} | {"rolling.hyper": (FIRST, NIGHTS[-1])}
    for file, (first, last) in spans.items():
        tables = [table_of(mart, is_masked=True) for mart in MARTS]
        shown = {table.name: lake.read(table, first, last).num_rows for table in tables}
        print(file, (folder / file).stat().st_size, shown)
        assert rows_in(folder / file) == shown
        assert min(shown["mart_account_days_masked"], shown["mart_nights_masked"]) > 0
