"""A night brings its extract along, and stays published without it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from demo import generate_bank
from include.__main__ import main
from include.lake import Lake
from include.night import NightRequest, export_extracts, run_night
from include.night.extracts import missing_extracts
from include.settings import Settings, get_settings
from include.tableau.contents import MARTS, table_of
from include.tableau.hyper_file import hyper_figures

NIGHT = date(2024, 1, 31)


@pytest.fixture(scope="module", autouse=True)
def extracts_on() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_EXTRACTS", "on")
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("bank")
    return generate_bank(folder, 20, date(2024, 1, 1), NIGHT, 3, incidents=True).source_uri


def rows_in(lake: Path) -> dict[str, Any]:
    schemas = {table.name: pa.schema([]) for table in (table_of(mart, is_masked=True) for mart in MARTS)}
    figures = hyper_figures(lake / "extracts" / f"{NIGHT}.hyper", schemas)
    return {name: figure["rows"] for name, figure in figures.items()}


def rows_of_the_lake(lake: Path) -> dict[str, int]:
    opened, tables = Lake.open(f"file:{lake}", Settings()), [table_of(mart, is_masked=True) for mart in MARTS]
    return {table.name: opened.read(table, NIGHT, NIGHT).num_rows for table in tables}


def test_a_night_without_hyper_is_published_and_its_extract_written_later(
    bank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pantab", None)
        published = run_night(NightRequest.of(NIGHT, bank, f"file:{tmp_path}"), progress=told.append)
    assert published["output_hash"]
    (warning,) = [warning for warning in published["warnings"] if "extract" in warning]
    assert warning.startswith("the night 2024-01-31 is published without its extract for Tableau (the extract ")
    assert "install the pinned requirements (make setup)" in warning
    assert warning.endswith("python -m include extract --night 2024-01-31 does at once")
    assert any("2024-01-31 export_extracts: the extract" in said for said in told)
    assert not list((tmp_path / "extracts").iterdir())

    request = NightRequest.of(NIGHT, bank, f"file:{tmp_path}")
    assert export_extracts(request) == {"extracts": ["2024-01-31.hyper", "rolling.hyper"], "removed": []}
    assert rows_in(tmp_path) == rows_of_the_lake(tmp_path)
    assert rows_in(tmp_path)["mart_account_days_masked"] > 0
    assert missing_extracts(request, Lake.open(f"file:{tmp_path}")) == []

    (tmp_path / "extracts" / "2024-01-31.hyper").write_bytes(b"spoilt")
    assert main(["extract", "--lake", f"file:{tmp_path}", "--night", "2024-01-31"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == ["2024-01-31.hyper", "rolling.hyper"]
    assert rows_in(tmp_path) == rows_of_the_lake(tmp_path)
    assert main(["extract", "--lake", f"file:{tmp_path}", "--unmasked"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == f"file://{tmp_path}/extracts_unmasked"


def test_an_installation_without_extracts_writes_none_and_misses_none(tmp_path: Path) -> None:
    off = NightRequest(NIGHT, "", f"file:{tmp_path}", "x", Settings(extracts=False))
    assert export_extracts(off) == {"extracts": [], "removed": []}
    assert missing_extracts(off, Lake.open(off.lake_uri)) == []
    assert not (tmp_path / "extracts").exists()
