"""Extracts hold what masked readers see of the lake, and stay whole whatever happens while they are written."""

from __future__ import annotations

import itertools
import json
import re
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pantab
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.errors import ExtractError, MissingStateError, TerminalError
from include.settings import Settings
from include.tableau import contents as module
from include.tableau import extracts, hyper_file
from include.tableau.contents import MARTS, Contents, require_plain, table_of
from include.tableau.datasource import LATEST
from include.tableau.documents import WORKBOOK
from include.tableau.extracts import write_extracts
from include.tableau.hyper_process import HyperProcess
from include.tableau.workbook import SHEETS
from tests.tableau.conftest import FIRST, SECOND
from tests.tableau.hyper import MASKED, in_hyper, room, written_by
from tests.tableau.marts import ACCOUNT, ListingInMemory, MartsInMemory, publish_marts

THIRD = date(2024, 2, 2)
ONE_NIGHT = Settings(extracts=True, extract_nights=1)
FILES = ["2024-01-31.hyper", "2024-02-01.hyper", "rolling.hyper"]
FINDINGS = "mart_findings_masked"


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def test_extracts_hold_the_rows_of_the_lake(tmp_path: Path, settings: Settings) -> None:
    lake = tmp_path / "lake"
    publish_marts(lake, FIRST)
    published = publish_marts(lake, SECOND)
    done = write_extracts(str(lake), settings)
    assert (done.folder, done.written, done.removed) == (str(lake / "extracts"), FILES, [])
    assert {file.name for file in (lake / "extracts").iterdir()} == {*FILES, "extracts.json", "athena", WORKBOOK}
    for file, first, last in (("2024-01-31.hyper", FIRST, FIRST), ("rolling.hyper", FIRST, SECOND)):
        for table in (table_of(mart, is_masked=True) for mart in MARTS):
            shown = published.read(table, first, last).drop_columns(["run_key", "key_version"])
            held = pantab.frame_from_hyper(lake / "extracts" / file, table=table.name, return_type="pyarrow")
            assert shown.num_rows > 0
            assert sorted(map(str, held.to_pylist())) == sorted(map(str, shown.to_pylist()))
            assert [str(kind).removeprefix("large_") for kind in held.schema.types] == list(
                map(str, shown.schema.types)
            )
    rows = json.loads((lake / "extracts" / "extracts.json").read_text())["rolling.hyper"]["rows"]
    assert rows == done.rows == {name: published.read(name).num_rows for name in MASKED}
    with pytest.raises(MissingStateError, match="2024-03-01 is not published or has no marts"):
        write_extracts(str(lake), settings, night=date(2024, 3, 1))


def test_they_are_their_owners_alone_and_nothing_else_is_left(
    tmp_path: Path, marts: MartsInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, elsewhere = tmp_path / "lake", tmp_path / "elsewhere"
    elsewhere.mkdir()
    # In folders that show whatever Hyper leaves behind.
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    for variable in ("HOME", "TMPDIR"):
        monkeypatch.setenv(variable, str(elsewhere))
    write_extracts(str(lake), ONE_NIGHT)
    assert list(elsewhere.rglob("*")) == []
    modes = {path.stat().st_mode & 0o777 for path in (lake / "extracts").rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert (lake / "extracts").stat().st_mode & 0o777 == 0o700
    assert {path.name for path in lake.iterdir()} == {"extracts"}


def test_only_what_changed_is_written_again(tmp_path: Path, marts: MartsInMemory, settings: Settings) -> None:
    folder = tmp_path / "extracts"
    write_extracts(str(tmp_path), settings)
    assert write_extracts(str(tmp_path), settings).written == []
    marts.publish(FIRST, "b", findings=5)
    assert write_extracts(str(tmp_path), settings).written == ["2024-01-31.hyper", "rolling.hyper"]
    assert in_hyper(folder / FILES[0], 'select count(*) as "n" from mart_findings_masked') == [{"n": 5}]
    # A review changes what was found earlier, and no run.
    marts.publish(FIRST, "b", findings=5, state="confirmed")
    assert write_extracts(str(tmp_path), settings).written == ["2024-01-31.hyper", "rolling.hyper"]
    # Whoever deletes something gets it back.
    (folder / FILES[0]).unlink()
    (folder / WORKBOOK).unlink()
    assert write_extracts(str(tmp_path), settings).written == ["2024-01-31.hyper"]
    assert (folder / WORKBOOK).exists()
    again = write_extracts(str(tmp_path), settings, night=SECOND, is_anew=True)
    assert again.written == ["2024-02-01.hyper", "rolling.hyper"]


def test_after_a_rotation_of_the_key_no_extract_keeps_an_old_pseudonym(
    tmp_path: Path, marts: MartsInMemory, settings: Settings
) -> None:
    write_extracts(str(tmp_path), settings)
    marts.rotate()
    assert write_extracts(str(tmp_path), settings).written == FILES
    for file in FILES:
        found = in_hyper(tmp_path / "extracts" / file, "select distinct account_id from mart_account_days_masked")
        assert {row["account_id"][0] for row in found} == {"2"}


def test_a_key_that_is_rotated_meanwhile_is_not_mixed(marts: MartsInMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = iter((1, 2))
    monkeypatch.setattr(marts, "key_version", lambda: next(versions))
    with pytest.raises(ExtractError, match="the key of the pseudonyms was rotated from version 1"):
        Contents.of(marts, {SECOND: "a" * 16}, is_masked=True)  # type: ignore[arg-type]


def test_a_night_that_is_published_meanwhile_is_not_mixed(marts: MartsInMemory) -> None:
    with pytest.raises(ExtractError, match=f"2024-02-01 was published again while {FINDINGS} was listed"):
        Contents.of(marts, {SECOND: "b" * 16}, is_masked=True)  # type: ignore[arg-type]


def test_nights_that_are_not_kept_lose_their_extract(tmp_path: Path, marts: MartsInMemory, settings: Settings) -> None:
    write_extracts(str(tmp_path), settings)
    (tmp_path / "extracts" / "mine.hyper").write_bytes(b"somebody's own")
    done = write_extracts(str(tmp_path), ONE_NIGHT)
    assert (done.written, done.removed) == (["rolling.hyper"], ["2024-01-31.hyper"])
    rolling = in_hyper(
        tmp_path / "extracts" / "rolling.hyper", 'select min(settlement_date) as "n" from mart_nights_masked'
    )
    assert rolling == [{"n": SECOND}]
    assert write_extracts(str(tmp_path), ONE_NIGHT, night=FIRST).written == ["2024-01-31.hyper"]
    assert (tmp_path / "extracts" / "mine.hyper").exists()


def test_full_rows_are_written_only_where_they_are_asked_for(tmp_path: Path, marts: MartsInMemory) -> None:
    write_extracts(str(tmp_path), ONE_NIGHT)
    masked, full = tmp_path / "extracts", tmp_path / "extracts_unmasked"
    assert not full.exists()
    done = write_extracts(str(tmp_path), ONE_NIGHT, is_masked=False)
    assert done.folder == str(full)
    assert in_hyper(full / FILES[1], 'select min(account_id) as "n" from mart_findings') == [{"n": ACCOUNT + 1}]
    assert full.stat().st_mode & 0o777 == 0o700
    assert f"account {ACCOUNT + 1}".encode() in (full / FILES[1]).read_bytes()
    assert all(b"account 47" not in file.read_bytes() for file in masked.rglob("*") if file.is_file())


def test_the_charts_find_their_rows_in_the_extract(tmp_path: Path, marts: MartsInMemory, settings: Settings) -> None:
    write_extracts(str(tmp_path), settings)
    extract = tmp_path / "extracts" / "rolling.hyper"
    scatter, series, districts = SHEETS
    assert [field.column for field in (*scatter.rows, *scatter.columns)] == ["score", "amount"]
    assert len(in_hyper(extract, "select score, amount from mart_findings_masked where score is not null")) == 4
    assert [field.name for field in series.rows] == ["[sum:findings:qk]", "[sum:published_rows:qk]"]
    lines = in_hyper(
        extract,
        'select settlement_date, sum(findings) as "f", sum(published_rows) as "r" from mart_nights_masked group by 1',
    )
    assert {(row["settlement_date"], row["f"], row["r"]) for row in lines} == {(FIRST, 3, 9), (SECOND, 3, 9)}
    assert districts.filters == (LATEST,)
    # Tableau asks Hyper for its `{MAX(...)}` as a query of its own.
    shown = in_hyper(
        extract,
        'select shown_district, avg(shown_latitude) as "y", max(findings_per_thousand) as "size", count(*) as "n" '
        "from mart_district_months_masked "
        "where settlement_date = (select max(settlement_date) from mart_district_months_masked) group by 1",
    )
    assert [(row["shown_district"], row["y"], row["n"]) for row in shown] == [("Benešov", pytest.approx(49.78), 1)]


def test_a_lake_without_marts_says_what_to_do(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(MissingStateError, match="has marts, so that there is nothing to extract: publish a night"):
        write_extracts(str(tmp_path / "empty"), settings)


def test_a_column_that_hyper_has_no_type_for_is_named() -> None:
    with pytest.raises(TerminalError, match=r"reasons \(list<item: string>\), wide \(decimal128\(38, 2\)\)"):
        require_plain("mart_x", pa.schema([("reasons", pa.list_(pa.string())), ("wide", pa.decimal128(38, 2))]))


Write = Callable[[dict[str, pa.RecordBatchReader], Path], None]
_AMOUNTS = pa.table({"amount": pa.array([Decimal("12.50"), Decimal("25.00")], pa.decimal128(12, 2))})


def rows_of(table: pa.Table) -> dict[str, hyper_file.TableRows]:
    return {FINDINGS: hyper_file.TableRows(table.schema, table.num_rows, iter(table.to_batches()))}


def _refusing(_: Write) -> Write:
    def refuse(_: dict[str, pa.RecordBatchReader], path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("the hyperd process could not be started\nContext: 0x1")

    return refuse


def _losing_a_row(write: Write) -> Write:
    return lambda readers, path: write({name: reader.read_all().slice(1) for name, reader in readers.items()}, path)


def _doubling_amounts(write: Write) -> Write:
    def change(readers: dict[str, pa.RecordBatchReader], path: Path) -> None:
        found = readers[FINDINGS].read_all()
        write({FINDINGS: pa.table([pc.multiply(found["amount"], 2).cast(found.schema[0].type)], found.schema)}, path)

    return change


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (None, "pantab, which holds Tableau's Hyper, cannot be imported"),
        (_refusing, r"\(the hyperd process could not be started\), and the extract before stays"),
        (_losing_a_row, f"{FINDINGS}: rows is 1, the lake's 2"),
        (_doubling_amounts, r"sum of amount is 75\.00, the lake's 37\.50"),
    ],
    ids=["no pantab", "no Hyper", "a row lost", "an amount changed"],
)
def test_a_file_that_does_not_hold_the_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any, words: str
) -> None:
    if fault is None:
        monkeypatch.setitem(sys.modules, "pantab", None)
    else:
        monkeypatch.setattr(pantab, "frames_to_hyper", fault(pantab.frames_to_hyper))
    with pytest.raises(ExtractError, match=words):
        hyper_file.write_hyper(tmp_path / "x.hyper", rows_of(_AMOUNTS))
    assert not list(tmp_path.iterdir())


def test_rows_that_are_lost_before_hyper_are_noticed(tmp_path: Path) -> None:
    announced = hyper_file.TableRows(_AMOUNTS.schema, 3, iter(_AMOUNTS.to_batches()))
    with HyperProcess() as hyper, pytest.raises(ExtractError, match=f"{FINDINGS}: rows is 2, the lake's 3"):
        hyper.write(tmp_path / "x.hyper", {FINDINGS: announced}, 60)


# Code that the process runs in place of writing.
_KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
_DEFECT = "raise ValueError('unheard of')"
# Like Hyper, which has a group of processes of its own.
_HANGING = (
    "import subprocess; held = subprocess.Popen(['sleep', '99'], process_group=0); path.write_text(str(held.pid)); "
    "held.wait()"
)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (_KILLED, r"ended with code -9 \(it said nothing\), and the extract before stays"),
        (_DEFECT, r"ended with code 1 \(ValueError: unheard of\), and the extract before stays"),
    ],
    ids=["killed", "a defect"],
)
def test_a_process_that_ends_by_itself_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    written_by(tmp_path / "code", code, monkeypatch)
    with HyperProcess() as hyper, pytest.raises(ExtractError, match=words):
        hyper.write(tmp_path / "x.hyper", rows_of(_AMOUNTS), 60)


def _is_running(process: int) -> bool:
    """Whether a process runs; one that ended stays listed until its new parent asks how."""
    return psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE


def test_a_hyper_that_hangs_is_ended_and_leaves_the_extract_before(
    tmp_path: Path, marts: MartsInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "extracts"
    write_extracts(str(tmp_path), ONE_NIGHT)
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    marts.publish(SECOND, "b", findings=5)
    started: list[str] = []
    keep = HyperProcess.write

    def spied(self: HyperProcess, path: Path, *rest: Any) -> None:
        try:
            keep(self, path, *rest)
        finally:
            started.append(path.read_text())

    with monkeypatch.context() as patch:
        written_by(tmp_path / "code", _HANGING, patch)
        patch.setattr(HyperProcess, "write", spied)
        patch.setattr(extracts, "TRY_SECONDS", 10)
        with pytest.raises(ExtractError, match=r"2024-02-01\.hyper was not ready when the time for writing extracts"):
            write_extracts(str(tmp_path), ONE_NIGHT)
    # What the process had started is ended with it.
    assert not [process for process in started if _is_running(int(process))]
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == before
    assert not list(folder.glob(".draft-*"))
    # What was missing comes with the next writing.
    assert write_extracts(str(tmp_path), ONE_NIGHT).written == ["2024-02-01.hyper", "rolling.hyper"]


def test_a_night_shares_its_time_among_the_extracts_and_its_own_come_first(
    tmp_path: Path, marts: MartsInMemory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[str, float]] = []

    def write(_: HyperProcess, path: Path, __: object, seconds: float) -> None:
        given.append((path.name, seconds))
        path.touch()

    monkeypatch.setattr(HyperProcess, "write", write)
    clock = itertools.count(0, 60)
    monkeypatch.setattr(extracts, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    write_extracts(str(tmp_path), settings, night=SECOND)
    assert given == [("2024-02-01.hyper", 840), ("rolling.hyper", 780), ("2024-01-31.hyper", 720)]
    given.clear()
    write_extracts(str(tmp_path), settings, is_anew=True)
    assert given == [(name, 900) for name in FILES]


def test_few_rows_are_in_memory_at_once(marts: MartsInMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    marts.publish(THIRD)
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 6)
    read: list[list[date]] = []
    keep = ListingInMemory.read
    monkeypatch.setattr(ListingInMemory, "read", lambda self, nights: read.append(nights) or keep(self, nights))
    held = Contents.of(marts, dict.fromkeys((FIRST, SECOND, THIRD), "a" * 16), is_masked=True)  # type: ignore[arg-type]
    rows = held.rows((FIRST, SECOND, THIRD))[FINDINGS]
    assert read == []
    assert sum(batch.num_rows for batch in rows.batches) == 9
    assert read == [[FIRST, SECOND], [THIRD]]


def test_rows_that_are_gone_are_told(tmp_path: Path) -> None:
    lake = publish_marts(tmp_path, FIRST)
    held = Contents.of(lake, {FIRST: "a" * 16}, is_masked=True)
    for file in tmp_path.rglob(f"{FINDINGS}/data/**/*.parquet"):
        file.unlink()
    with pytest.raises(ExtractError, match=f"rows of {FINDINGS} could not be read .* write the extracts again"):
        list(held.rows([FIRST])[FINDINGS].batches)


def test_a_full_disk_leaves_the_extract_before(tmp_path: Path, marts: MartsInMemory, settings: Settings) -> None:
    write_extracts(str(tmp_path), settings)
    before = contents(tmp_path / "extracts")
    marts.publish(FIRST, "b", findings=5)
    for size in (20_000, 60_000):
        with (
            room(size),
            pytest.raises(ExtractError, match="and the extract before stays: see that the lake's disk has"),
        ):
            write_extracts(str(tmp_path), settings)
        assert contents(tmp_path / "extracts") == before
        assert not list((tmp_path / "extracts").glob(".draft-*"))


def test_a_draft_that_a_killed_run_left_is_removed(tmp_path: Path, marts: MartsInMemory) -> None:
    left = tmp_path / "extracts" / ".draft-killed"
    left.mkdir(parents=True)
    (left / "rolling.hyper").write_bytes(b"half")
    write_extracts(str(tmp_path), ONE_NIGHT)
    assert not left.exists()


def test_every_column_has_a_figure_that_is_compared(tmp_path: Path) -> None:
    rows = pa.table(
        {
            "night": [FIRST, SECOND, None],
            "money": pa.array([125, 250, 375], pa.decimal128(12, 2)),
            "is_reconciled": [True, None, True],
            "text": ["ž", "yz", None],
            "count": [2**63 - 1, 2**63 - 1, 0],
            "share": [0.1, 0.2, 0.3],
        }
    )
    batches = iter(rows.to_batches(max_chunksize=2))
    hyper_file.write_hyper(tmp_path / "x.hyper", {"some": hyper_file.TableRows(rows.schema, 3, batches)})
    found = hyper_file.hyper_figures(tmp_path / "x.hyper", {"some": rows.schema})["some"]
    filled = {"night": 2, "money": 3, "is_reconciled": 2, "text": 2, "count": 3, "share": 3}
    assert found == {
        "rows": 3,
        **{f"filled of {name}": count for name, count in filled.items()},
        "latest of night": SECOND,
        "sum of money": 750,
        "true of is_reconciled": 2,
        "length of text": 3,
        "sum of count": 2.0**64,
        "sum of share": pytest.approx(0.6),
    }


def test_hyper_is_asked_for_no_log_and_told_to_send_nothing() -> None:
    # What starts Hyper is pantab, compiled; its sources, which it ships, say how.
    source = (Path(pantab.__file__).parent / "writer.cpp").read_text()
    assert re.search(r"HyperProcess hyper\{\s*hyperapi::Telemetry::DoNotSendUsageDataToTableau", source)
    assert 'process_params["log_config"] = ""' in source
