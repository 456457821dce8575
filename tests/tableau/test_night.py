"""A night brings its extracts along, and stays published without them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from demo import generate_bank
from include.__main__ import main
from include.errors import ExtractError
from include.lake import Lake
from include.night import NightRequest, export_extracts, extracts, play, run_night
from include.night.extracts import missing_extracts
from include.night.workspace import Workspace
from include.settings import Settings, get_settings
from include.tableau.contents import MARTS, table_of
from tests.tableau.conftest import FIRST, SECOND
from tests.tableau.hyper import room, rows_in, without_pantab
from tests.tableau.marts import publish_marts

NIGHT = date(2024, 1, 31)
TOO_LITTLE = 60_000
"""Bytes; the smallest extract has 131,072."""


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


def rows_of_the_lake(lake: Path) -> dict[str, int]:
    opened, tables = Lake.open(f"file:{lake}", Settings()), [table_of(mart, is_masked=True) for mart in MARTS]
    return {table.name: opened.read(table, NIGHT, NIGHT).num_rows for table in tables}


def test_a_night_is_published_though_the_disk_is_full_and_its_extracts_are_written_later(
    bank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    def export_on_a_full_disk(request: NightRequest) -> object:
        with room(TOO_LITTLE):
            return export_extracts(request)

    steps = tuple((name, export_on_a_full_disk if name == play.EXPORT else step) for name, step in play.STEPS)
    with monkeypatch.context() as patch:
        patch.setattr(play, "STEPS", steps)
        published = run_night(NightRequest.of(NIGHT, bank, f"file:{tmp_path}"), progress=told.append)
    assert published["output_hash"]
    (warning,) = [warning for warning in published["warnings"] if "Tableau" in warning]
    assert warning.startswith(
        "the night 2024-01-31 is published, but not in Tableau's 2024-01-31.hyper and rolling.hyper: Hyper could not "
        "write or read 2024-01-31.hyper ("
    )
    assert "see that the lake's disk has room" in warning
    assert warning.endswith("The next night tries again; python -m include extract --night 2024-01-31 does at once")
    assert any("2024-01-31 export_extracts: Hyper could not write" in said for said in told)
    assert not list((tmp_path / "extracts").iterdir())

    request, extract = NightRequest.of(NIGHT, bank, f"file:{tmp_path}"), tmp_path / "extracts" / f"{NIGHT}.hyper"
    assert export_extracts(request) == {"extracts": ["2024-01-31.hyper", "rolling.hyper"], "removed": []}
    assert rows_in(extract) == rows_of_the_lake(tmp_path)
    assert rows_in(extract)["mart_account_days_masked"] > 0
    assert missing_extracts(request, Lake.open(f"file:{tmp_path}")) == []

    extract.write_bytes(b"spoilt")
    assert main(["extract", "--lake", f"file:{tmp_path}", "--night", "2024-01-31"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == ["2024-01-31.hyper", "rolling.hyper"]
    assert rows_in(extract) == rows_of_the_lake(tmp_path)
    assert main(["extract", "--lake", f"file:{tmp_path}", "--unmasked"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == f"file://{tmp_path}/extracts_unmasked"


@pytest.fixture
def second(tmp_path: Path) -> tuple[NightRequest, Lake]:
    """The second night of a lake whose first one has many findings and its extracts."""
    publish_marts(tmp_path, FIRST, findings=1500)
    request = NightRequest(FIRST, "", f"file:{tmp_path}", "x", Settings(extracts=True))
    export_extracts(request)
    of_second = replace(request, night=SECOND)
    # As the night's first step leaves it.
    Workspace.of(of_second).begin()
    return of_second, publish_marts(tmp_path, SECOND)


def test_the_warning_says_which_extract_failed_and_the_rolling_one_stays(
    second: tuple[NightRequest, Lake], tmp_path: Path
) -> None:
    request, lake = second
    rolling = tmp_path / "extracts" / "rolling.hyper"
    before = rolling.read_bytes()
    with room(len(before) - 1), pytest.raises(ExtractError, match=r"rolling\.hyper"):
        export_extracts(request)
    (warning,) = missing_extracts(request, lake)
    assert warning.startswith(
        "the night 2024-02-01 is published, but not in Tableau's rolling.hyper (2024-02-01.hyper has it): Hyper could "
        "not write or read rolling.hyper ("
    )
    assert rolling.read_bytes() == before
    # The task's next try.
    assert export_extracts(request)["extracts"] == ["rolling.hyper"]
    assert missing_extracts(request, lake) == []


def test_a_night_without_hyper_says_what_is_missing(
    second: tuple[NightRequest, Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, lake = second
    rolling = tmp_path / "extracts" / "rolling.hyper"
    before = rolling.read_bytes()
    with monkeypatch.context() as patch:
        without_pantab(tmp_path / "code", patch)
        with pytest.raises(ExtractError, match="pantab, which holds Tableau's Hyper, cannot be imported"):
            export_extracts(request)
    (warning,) = missing_extracts(request, lake)
    assert "but not in Tableau's 2024-02-01.hyper and rolling.hyper: the extract 2024-02-01.hyper was not" in warning
    assert "install the pinned requirements (make setup)" in warning
    assert rolling.read_bytes() == before


def test_whatever_ends_the_export_the_night_goes_on_and_says_why(
    second: tuple[NightRequest, Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    request, lake = second
    told: list[str] = []

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "2024-01-01.hyper")

    monkeypatch.setattr(extracts, "write_extracts", refused)
    assert play._run(play.EXPORT, export_extracts, request, told.append) == {}
    assert told == ["2024-02-01 export_extracts: [Errno 13] Permission denied: '2024-01-01.hyper'"]
    (warning,) = missing_extracts(request, lake)
    assert "Permission denied" in warning
    with pytest.raises(PermissionError):
        play._run("publish", export_extracts, request, told.append)


def test_a_night_of_long_ago_is_not_missed_in_the_rolling_extract(tmp_path: Path) -> None:
    publish_marts(tmp_path, FIRST)
    lake = publish_marts(tmp_path, SECOND)
    request = NightRequest(FIRST, "", f"file:{tmp_path}", "x", Settings(extracts=True, extract_nights=1))
    (warning,) = missing_extracts(request, lake)
    assert "not in Tableau's 2024-01-31.hyper: see the log of export_extracts." in warning


def test_an_installation_without_extracts_writes_none_and_misses_none(tmp_path: Path) -> None:
    off = NightRequest(NIGHT, "", f"file:{tmp_path}", "x", Settings(extracts=False))
    assert export_extracts(off) == {"extracts": [], "removed": []}
    assert missing_extracts(off, Lake.open(off.lake_uri)) == []
    assert not (tmp_path / "extracts").exists()
