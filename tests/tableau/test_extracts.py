"""Extracts hold what masked readers see of the lake, and stay whole whatever happens while they are written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pantab
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.errors import ExtractError, MissingStateError, TerminalError
from include.settings import PROJECT_ROOT, Settings
from include.tableau import hyper_file, write_extracts
from include.tableau.contents import read_tables, table_names
from include.tableau.datasource import LATEST
from include.tableau.documents import WORKBOOK, document_names
from include.tableau.workbook import SHEETS
from tests.tableau.conftest import FIRST, SECOND, THIRD
from tests.tableau.marts import ACCOUNT, MARTS, open_lake, publish_marts, use_key

NIGHTS = (FIRST, SECOND, THIRD)
FILES = [*(f"{night}.hyper" for night in NIGHTS), "rolling.hyper"]


def in_hyper(file: Path, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pantab.frame_from_hyper_query(file, query, return_type="pyarrow").to_pylist()
    return found


def files_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_extracts_hold_the_rows_of_the_lake(lake: Path, settings: Settings) -> None:
    done = write_extracts(str(lake), settings)
    assert (done.folder, done.written, done.removed) == (str(lake / "extracts"), FILES, [])
    assert files_in(lake / "extracts") == sorted([*FILES, "extracts.json", "athena", WORKBOOK])
    for file, first, last in (("2024-01-31.hyper", SECOND, SECOND), ("rolling.hyper", FIRST, THIRD)):
        for name in table_names(is_masked=True):
            expected = open_lake(lake).read(name, first, last)
            hidden = [column for column in ("run_key", "key_version") if column in expected.column_names]
            held = pantab.frame_from_hyper(lake / "extracts" / file, table=name, return_type="pyarrow")
            shown = expected.drop_columns(hidden)
            assert sorted(map(str, held.to_pylist())) == sorted(map(str, shown.to_pylist()))
            assert [str(kind).removeprefix("large_") for kind in held.schema.types] == list(map(str, shown.schema.types))
    rows = json.loads((lake / "extracts" / "extracts.json").read_text())["rolling.hyper"]["rows"]
    assert rows == done.rows == {name: open_lake(lake).read(name).num_rows for name in table_names(is_masked=True)}


def test_they_are_their_owners_alone_and_nothing_else_is_left(lake: Path, settings: Settings, tmp_path: Path) -> None:
    code = (
        "import sys; from include.settings import Settings; from include.tableau import write_extracts;"
        "write_extracts(sys.argv[1], Settings(extracts=True))"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # As a process of the night has it, and in folders that show whatever Hyper leaves behind.
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "TMPDIR": str(elsewhere), "HOME": str(elsewhere)}
    subprocess.run([sys.executable, "-c", code, str(lake)], cwd=elsewhere, env=environment, check=True)
    assert list(elsewhere.rglob("*")) == []
    modes = {path.stat().st_mode & 0o777 for path in (lake / "extracts").rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert (lake / "extracts").stat().st_mode & 0o777 == 0o700
    assert not list(lake.rglob("*.log"))


def test_only_what_changed_is_written_again(lake: Path, settings: Settings) -> None:
    write_extracts(str(lake), settings)
    assert write_extracts(str(lake), settings).written == []
    publish_marts(lake, SECOND, "b", findings=5)
    assert write_extracts(str(lake), settings).written == ["2024-01-31.hyper", "rolling.hyper"]
    assert in_hyper(lake / "extracts" / "2024-01-31.hyper", 'select count(*) as "n" from mart_findings_masked') == [{"n": 5}]
    (lake / "extracts" / "2024-01-30.hyper").unlink()
    (lake / "extracts" / WORKBOOK).unlink()
    assert write_extracts(str(lake), settings).written == ["2024-01-30.hyper", "rolling.hyper"]
    assert all((lake / "extracts" / name).exists() for name in document_names(is_masked=True))
    assert write_extracts(str(lake), settings, night=THIRD, is_anew=True).written == ["2024-02-01.hyper", "rolling.hyper"]


def test_after_a_rotation_of_the_key_no_extract_keeps_an_old_pseudonym(lake: Path, settings: Settings) -> None:
    write_extracts(str(lake), settings)
    for night in NIGHTS:
        publish_marts(lake, night, key_version=2)
    assert write_extracts(str(lake), settings).written == FILES
    query = "select distinct account_id from mart_account_days_masked"
    for file in FILES:
        found = in_hyper(lake / "extracts" / file, query)
        assert {row["account_id"][0] for row in found} == {"2"}


def test_rows_of_another_key_are_not_readers(lake: Path, settings: Settings) -> None:
    use_key(lake, 7, THIRD)
    found = read_tables(open_lake(lake), {THIRD: "a" * 16}, 7, is_masked=True)
    assert {name: rows.num_rows for name, rows in found.items() if name.endswith("_masked")} == dict.fromkeys(
        ("mart_findings_masked", "mart_account_days_masked", "mart_district_months_masked"), 0
    )


def test_nights_that_are_not_kept_lose_their_extract(lake: Path) -> None:
    write_extracts(str(lake), Settings(extracts=True))
    (lake / "extracts" / "mine.hyper").write_bytes(b"somebody's own")
    few = Settings(extracts=True, extract_nights=2)
    done = write_extracts(str(lake), few)
    assert (done.written, done.removed) == (["rolling.hyper"], ["2024-01-30.hyper"])
    assert in_hyper(lake / "extracts" / "rolling.hyper", 'select min(settlement_date) as "n" from mart_nights') == [
        {"n": SECOND}
    ]
    assert write_extracts(str(lake), few, night=FIRST).written == ["2024-01-30.hyper"]
    assert (lake / "extracts" / "mine.hyper").exists()


def test_full_rows_are_written_only_where_they_are_asked_for(lake: Path, settings: Settings) -> None:
    write_extracts(str(lake), settings)
    assert not (lake / "extracts_unmasked").exists()
    done = write_extracts(str(lake), settings, night=THIRD, is_masked=False)
    assert done.folder == str(lake / "extracts_unmasked")
    accounts = in_hyper(lake / "extracts_unmasked" / "2024-02-01.hyper", 'select min(account_id) as "n" from mart_findings')
    assert accounts == [{"n": ACCOUNT + 1}]
    assert (lake / "extracts_unmasked").stat().st_mode & 0o777 == 0o700
    content = b"".join(file.read_bytes() for file in (lake / "extracts").rglob("*") if file.is_file())
    assert str(ACCOUNT + 1).encode() not in content


def test_the_charts_find_their_rows_in_the_extract(lake: Path, settings: Settings) -> None:
    write_extracts(str(lake), settings)
    extract = lake / "extracts" / "rolling.hyper"
    scatter, series, districts = SHEETS
    assert [field.column for field in (*scatter.rows, *scatter.columns)] == ["score", "amount"]
    points = in_hyper(extract, "select score, amount from mart_findings_masked where score is not null order by 1")
    assert len(points) == 6
    assert [field.name for field in series.rows] == ["[sum:findings:qk]", "[sum:published_rows:qk]"]
    lines = in_hyper(
        extract, 'select settlement_date, sum(findings) as "f", sum(published_rows) as "r" from mart_nights group by 1'
    )
    assert {(row["settlement_date"], row["f"], row["r"]) for row in lines} == {(night, 3, 9) for night in NIGHTS}
    assert districts.filters == (LATEST,)
    # Tableau asks Hyper for its `{MAX(...)}` as a query of its own.
    shown = in_hyper(
        extract,
        'select shown_district, avg(shown_latitude) as "y", max(findings_per_thousand) as "size", count(*) as "n" '
        "from mart_district_months_masked "
        "where settlement_date = (select max(settlement_date) from mart_district_months_masked) group by 1",
    )
    assert [(row["shown_district"], row["y"], row["n"]) for row in shown] == [("Benešov", pytest.approx(49.78), 1)]


def test_a_lake_without_marts_says_what_to_do(tmp_path: Path, lake: Path, settings: Settings) -> None:
    with pytest.raises(MissingStateError, match="holds no table mart_nights"):
        write_extracts(str(tmp_path / "empty"), settings)
    with pytest.raises(MissingStateError, match="2024-03-01 is not published or has no marts"):
        write_extracts(str(lake), settings, night=date(2024, 3, 1))


def test_a_column_that_hyper_has_no_type_for_is_named(lake: Path) -> None:
    from include.tableau.contents import _require_plain

    with pytest.raises(TerminalError, match=r"reasons \(list<item: string>\), wide \(decimal128\(38, 2\)\)"):
        _require_plain("mart_x", pa.schema([("reasons", pa.list_(pa.string())), ("wide", pa.decimal128(38, 2))]))


def test_a_night_that_is_published_meanwhile_is_not_mixed(lake: Path) -> None:
    with pytest.raises(ExtractError, match="2024-02-01 was published again while mart_findings_masked was read"):
        read_tables(open_lake(lake), {THIRD: "b" * 16}, 1, is_masked=True)


def _without_hyper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pantab", None)


def _hyper_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("the hyperd process could not be started\nContext: 0x1")

    monkeypatch.setattr(pantab, "frames_to_hyper", refuse)


def _a_row_that_hyper_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    write = pantab.frames_to_hyper

    def lose(tables: dict[str, pa.Table], path: Path) -> None:
        found = tables["mart_findings_masked"]
        write({**tables, "mart_findings_masked": found.slice(1)}, path)

    monkeypatch.setattr(pantab, "frames_to_hyper", lose)


def _an_amount_that_hyper_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    write = pantab.frames_to_hyper

    def change(tables: dict[str, pa.Table], path: Path) -> None:
        found = tables["mart_findings_masked"]
        doubled = pc.multiply(found["amount"], 2).cast(found.schema.field("amount").type)
        place = found.schema.get_field_index("amount")
        write({**tables, "mart_findings_masked": found.set_column(place, "amount", doubled)}, path)

    monkeypatch.setattr(pantab, "frames_to_hyper", change)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (_without_hyper, "pantab, which holds Tableau's Hyper, cannot be imported"),
        (_hyper_that_does_not_start, r"\(the hyperd process could not be started\), and the extract before stays"),
        (_a_row_that_hyper_loses, "mart_findings_masked: rows is 4, the lake's 5"),
        (_an_amount_that_hyper_changes, r"sum of amount is 375\.00, the lake's 187\.50"),
    ],
)
def test_a_fault_leaves_the_extract_before(
    lake: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, fault: Any, words: str
) -> None:
    write_extracts(str(lake), settings, night=SECOND)
    before = {name: (lake / "extracts" / name).read_bytes() for name in FILES}
    publish_marts(lake, SECOND, "b", findings=5)
    with monkeypatch.context() as patch:
        fault(patch)
        with pytest.raises(ExtractError, match=words):
            write_extracts(str(lake), settings)
    assert {name: (lake / "extracts" / name).read_bytes() for name in FILES} == before
    assert not list((lake / "extracts").glob(".draft-*"))
    # What was missing comes with the next writing.
    assert write_extracts(str(lake), settings).written == ["2024-01-31.hyper", "rolling.hyper"]


# The largest file that a process, and Hyper that it starts, may write stands for the room left.
_WITH_ROOM = """
import resource, sys
from include.errors import ExtractError
from include.settings import Settings
from include.tableau import write_extracts
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    write_extracts(sys.argv[1], Settings(extracts=True))
except ExtractError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 20_000])
def test_a_full_disk_leaves_the_extract_before(lake: Path, settings: Settings, room: int) -> None:
    write_extracts(str(lake), settings, night=SECOND)
    before = {name: (lake / "extracts" / name).read_bytes() for name in FILES}
    publish_marts(lake, SECOND, "b", findings=5)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", _WITH_ROOM, str(lake), str(room)], env=environment, capture_output=True, text=True, check=True
    )
    assert "and the extract before stays: see that the lake's disk has room" in answer.stdout, answer
    assert {name: (lake / "extracts" / name).read_bytes() for name in FILES} == before
    assert not list((lake / "extracts").glob(".draft-*"))


def test_a_draft_that_a_killed_run_left_is_removed(lake: Path, settings: Settings) -> None:
    left = lake / "extracts" / ".draft-killed"
    left.mkdir(parents=True)
    (left / "rolling.hyper").write_bytes(b"half")
    write_extracts(str(lake), settings)
    assert not left.exists()


def test_figures_of_a_file_are_asked_for_in_one_query(lake: Path, settings: Settings) -> None:
    write_extracts(str(lake), settings)
    schema = pa.schema([field for field in MARTS["mart_money_days"].schema if field.name != "run_key"])
    found = hyper_file.hyper_figures(lake / "extracts" / "rolling.hyper", {"mart_money_days": schema})
    figures = {what: str(figure) for what, figure in found["mart_money_days"].items()}
    assert figures == {
        "rows": "3",
        "filled of settlement_date": "3",
        "latest of settlement_date": "2024-02-01",
        "filled of offered_money": "3",
        "sum of offered_money": "375.00",
        "filled of is_reconciled": "3",
        "true of is_reconciled": "3",
    }


def test_hyper_is_asked_for_no_log_and_told_nothing_of_use() -> None:
    """What starts Hyper is pantab, compiled: its own sources, which it ships, say how."""
    source = (Path(pantab.__file__).parent / "writer.cpp").read_text()
    assert re.search(r"HyperProcess hyper\{\s*hyperapi::Telemetry::DoNotSendUsageDataToTableau", source)
    assert 'process_params["log_config"] = ""' in source
