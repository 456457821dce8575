"""Files in the drop of reviews that are none, or hold what no reader takes: each waits, and costs nobody the others."""

from __future__ import annotations

import io
import os
import socket
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from include.errors import SourceError
from include.lake import Lake
from include.reviews import drop, gathering
from include.reviews.drop import MOST_BYTES, WRITTEN, as_parquet, drop_reviews, put_away
from include.reviews.gathering import MOST_ROWS, gather
from include.reviews.intake import take_in
from include.security.envelope import Envelope
from include.settings import get_settings
from include.sources.files import parquet
from include.sources.files.parquet import read_bounded
from include.sources.files.regular import read_regular
from include.sources.files.source import read_relation

NIGHT = date(2024, 3, 3)
NOON = datetime(2024, 3, 3, 12, tzinfo=UTC)
LINES = "trans_id,decision,reason,who,decided_at,known_at\n1,confirmed,seen,ida,2024-03-03,2024-03-03\n"
ROW = {"decision": ["confirmed"], "reason": ["x"], "who": ["ida"], "decided_at": ["2024-03-03"]}
TEXTS = ROW | {"known_at": ["2024-03-03"]}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake.open(f"file:{tmp_path_factory.mktemp('lake')}")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "reviews" / "inbox"
    folder.mkdir(parents=True)
    (folder / "good.csv").write_text(LINES)
    return folder


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _link_elsewhere(path: Path) -> None:
    (path.parent.parent / "elsewhere.csv").write_text(LINES.replace("1,", "99,"))
    path.symlink_to(path.parent.parent / "elsewhere.csv")


def _broken_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as held:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's whole path may have a hundred bytes
        try:
            held.bind(path.name)
        finally:
            os.chdir(here)


def _device(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes devices")
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MOST_BYTES * 1000)


ODD_FILES = {
    "a named pipe": _fifo,
    "a link": _endless,
    "a link to a file": _link_elsewhere,
    "a link to nothing": _broken_link,
    "a socket": _socket,
    "a device": _device,
    "a folder": Path.mkdir,
    "has 16,777,216,000 bytes": _huge,
}


@pytest.mark.parametrize("scheme", ["", "file:"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("kind", ODD_FILES)
def test_what_is_no_regular_file_waits_with_a_sentence(lake, inbox, kind, suffix, scheme):
    ODD_FILES[kind](inbox / f"odd{suffix}")
    found = []
    # In a thread of its own: what keeps waiting must not keep the tests waiting.
    reading = threading.Thread(
        target=lambda: found.append(take_in(lake, UPath(f"{scheme}{inbox}"), NIGHT)), daemon=True
    )
    reading.start()
    reading.join(60)
    assert not reading.is_alive(), "the night waits for ever"
    (intake,) = found
    assert intake.taken["trans_id"].to_pylist() == [1]
    (note,) = intake.notes
    assert note.startswith(f"reviews in odd{suffix} wait: it ")
    assert kind.removesuffix(" to a file").removesuffix(" to nothing") in note


def test_a_name_that_is_no_text_waits_with_a_sentence(lake, inbox):
    for name in (b"day\xff.csv", b"\xc3\x28.parquet", b"two\nlines\xfe.csv"):
        (inbox / os.fsdecode(name)).write_text(LINES)
    intake = take_in(lake, UPath(inbox), NIGHT)
    assert intake.taken["trans_id"].to_pylist() == [1]
    assert len(intake.notes) == 3
    assert all(note.endswith("its name is not UTF-8: give it another name") for note in intake.notes)
    assert all(note.isprintable() and note.encode() for note in intake.notes)


@pytest.mark.usefixtures("settings")
def test_the_longest_name_there_is_can_be_put_away(lake, inbox):
    (inbox / "good.csv").rename(inbox / f"{'ř' * 125}.csv")
    assert put_away(take_in(lake, UPath(inbox), NIGHT).settled, Envelope.open(get_settings())) == []
    assert list(inbox.iterdir()) == []


def _decimal256() -> pa.Array:
    return pa.array([7], pa.decimal256(50, 0))


UNREADABLE_COLUMNS = {
    "float16": lambda: pa.array([np.float16(7)]),
    "decimal256": _decimal256,
    "struct": lambda: pa.array([{"a": 7}]),
    "list": lambda: pa.array([[7]]),
    "binary": lambda: pa.array([b"\xff\xfe"]),
    "duration": lambda: pa.array([7], pa.duration("s")),
}


@pytest.mark.parametrize("kind", UNREADABLE_COLUMNS)
def test_a_column_that_nobody_uses_costs_nothing(lake, inbox, kind):
    pq.write_table(pa.table({"trans_id": ["2"], **TEXTS, "remark": UNREADABLE_COLUMNS[kind]()}), inbox / "odd.parquet")
    assert take_in(lake, UPath(inbox), NIGHT).taken["trans_id"].to_pylist() == [1, 2]


@pytest.mark.parametrize("name", ["trans_id", "known_at", "reason"])
@pytest.mark.parametrize("kind", UNREADABLE_COLUMNS)
def test_one_that_is_used_costs_nobody_the_other_files(lake, inbox, kind, name):
    odd = {"trans_id": ["2"], **TEXTS, name: UNREADABLE_COLUMNS[kind]()}
    pq.write_table(pa.table(odd), inbox / "odd.parquet")
    intake = take_in(lake, UPath(inbox), NIGHT)
    assert 1 in intake.taken["trans_id"].to_pylist()
    assert "good.csv" in str(intake.settled)
    # Taken in, refused row by row, or waiting: whatever it is, something says so.
    assert intake.taken.num_rows + intake.refused.num_rows + len(intake.notes) >= 2


def test_a_short_file_that_unfolds_to_terabytes_waits(lake, inbox):
    rows = 400_000
    shared = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), ["x" * 1_000_000])
    texts = {name: pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), v) for name, v in TEXTS.items()}
    bomb = pa.table({"trans_id": pa.array(range(rows)), **texts, "reason": shared})
    pq.write_table(bomb, inbox / "bomb.parquet")
    assert (inbox / "bomb.parquet").stat().st_size < MOST_BYTES
    pq.write_table(pa.table({"trans_id": pa.nulls(10_000_000, pa.int64())}), inbox / "rows.parquet")
    intake = take_in(lake, UPath(inbox), NIGHT)
    assert intake.taken["trans_id"].to_pylist() == [1]
    assert [note.split(" wait: ")[0] for note in intake.notes] == ["reviews in bomb.parquet", "reviews in rows.parquet"]
    assert "stands for" in intake.notes[0]


def test_one_long_text_is_refused_before_it_is_unpacked(monkeypatch):
    data = io.BytesIO()
    pq.write_table(pa.table({"reason": ["x" * (1 << 20)]}), data, compression="zstd", write_statistics=False)
    monkeypatch.setattr(parquet, "largest_of", lambda _: 1 << 20)
    monkeypatch.setattr(pq.ParquetFile, "read", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(SourceError, match="stands for 1,048,"):
        read_bounded(data.getvalue(), ["reason"], "bomb.parquet")


def test_whatever_a_reader_raises_costs_nobody_the_other_files(lake, inbox, monkeypatch):
    (inbox / "odd.csv").write_text(LINES)

    def fails(data, relation, dialect, file_uri):
        if file_uri.endswith("odd.csv"):
            raise KeyError("a client's name")
        return read_relation(data, relation, dialect, file_uri)

    monkeypatch.setattr(drop, "read_relation", fails)
    intake = take_in(lake, UPath(inbox), NIGHT)
    assert intake.taken["trans_id"].to_pylist() == [1]
    assert intake.notes[0].startswith("reviews in odd.csv wait: the file cannot be read (KeyError); write it again")


@pytest.mark.parametrize("seed", range(20))
def test_mutated_parquet_costs_nobody_the_other_files(lake, inbox, seed):
    rng = np.random.default_rng(seed)
    pq.write_table(pa.table({"trans_id": ["2"], **TEXTS}), inbox / "odd.parquet")
    data = bytearray((inbox / "odd.parquet").read_bytes())
    for place in rng.integers(0, len(data), 12):
        data[place] = rng.integers(0, 256)
    (inbox / "odd.parquet").write_bytes(bytes(data))
    assert 1 in take_in(lake, UPath(inbox), NIGHT).taken["trans_id"].to_pylist()


@pytest.mark.parametrize("kind", ["a link to a file", "a named pipe"])
def test_what_is_swapped_in_after_the_look_is_not_read(tmp_path, monkeypatch, kind):
    file = tmp_path / "inbox" / "a.csv"
    file.parent.mkdir()
    file.write_text("harmless")
    looked = Path.lstat

    def swap(path):
        found = looked(path)
        file.unlink()
        ODD_FILES[kind](file)
        return found

    monkeypatch.setattr(Path, "lstat", swap)
    with pytest.raises(SourceError, match=f"it is {kind.removesuffix(' to a file')}"):
        read_regular(file, 1000)


def test_what_grows_after_the_look_is_not_read_further_than_allowed(tmp_path, monkeypatch):
    file = tmp_path / "a.csv"
    file.write_text("harmless")
    looked = os.fstat

    def grow(descriptor):
        found = looked(descriptor)
        file.write_text("harmless" * 100)
        return found

    monkeypatch.setattr(os, "fstat", grow)
    with pytest.raises(SourceError, match="it has 11 bytes, at most 10 are read"):
        read_regular(file, 10)


def _post(inbox: Path, trans_id: int, known_at: datetime = NOON) -> None:
    row = {"decision": "confirmed", "who": "ida", "reason": "x", "decided_at": known_at, "known_at": known_at}
    drop_reviews(UPath(inbox), [{"trans_id": trans_id, **row}])


@pytest.mark.usefixtures("settings")
def test_what_the_console_wrote_in_a_day_is_read_and_put_away_as_one_file(lake, inbox):
    for number in range(2, 40):
        _post(inbox, number)
    _post(inbox, 40, datetime(2024, 3, 4, tzinfo=UTC))
    intake = take_in(lake, UPath(inbox), NIGHT)
    assert sorted(intake.taken["trans_id"].to_pylist()) == list(range(1, 40))
    assert len(intake.settled) == 2
    assert put_away(intake.settled, Envelope.open(get_settings())) == []
    (later,) = inbox.iterdir()
    assert later.name.startswith("20240304T")


def _of_console(number: int, day: str = "20240303") -> str:
    return f"{day}T120000-{number:032x}.parquet"


def _kept(taken: pa.Table) -> set[str]:
    return {str(row) for row in taken.select(WRITTEN.names).to_pylist()}


def _altered(data: bytes, seed: int) -> bytes:
    rng, altered = np.random.default_rng(seed), bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 5)):
        altered[place] ^= rng.integers(1, 256)
    return bytes(altered)


@pytest.fixture
def console_file() -> bytes:
    at = {"decided_at": NOON, "known_at": NOON, "decision": "confirmed", "who": "ida", "reason": "a long story"}
    rows = [{"trans_id": 8, **at}, {"account_id": 7, "check_code": "fee_amount", **at}]
    return as_parquet(pa.Table.from_pylist(rows, schema=WRITTEN))


@pytest.mark.parametrize("seed", range(20))
def test_what_the_console_wrote_is_read_as_it_was_or_told(lake, inbox, console_file, seed):
    (inbox / _of_console(1)).write_bytes(console_file)
    said = _kept(take_in(lake, UPath(inbox), NIGHT).taken)
    (inbox / _of_console(1)).write_bytes(_altered(console_file, seed))
    _post(inbox, 2)
    _post(inbox, 3)
    intake = take_in(lake, UPath(inbox), NIGHT)
    assert {1, 2, 3} <= set(intake.taken["trans_id"].to_pylist())
    assert {row for row in _kept(intake.taken) if "a long story" in row or "'ida'" not in row} <= said
    assert said <= _kept(intake.taken) or intake.notes or intake.refused.num_rows


def _pieces(inbox: Path) -> list[int]:
    return sorted(pq.read_metadata(path).num_rows for path in inbox.glob("*.parquet"))


@pytest.mark.parametrize(
    ("text", "another"), [(b"ida", b"eva"), (b"a long story", b"another tale"), (b"check_code", b"\xb2heck_code")]
)
def test_a_value_of_the_console_that_was_altered_is_noticed(lake, inbox, console_file, text, another):
    (inbox / _of_console(1)).write_bytes(console_file.replace(text, another))
    intake = take_in(lake, UPath(inbox), NIGHT)
    assert intake.taken["trans_id"].to_pylist() == [1]
    assert "one that was cut or altered cannot be read" in intake.notes[0]


def test_text_that_is_none_is_neither_gathered_nor_stops_the_night(lake, inbox, console_file):
    torn = pq.read_table(pa.BufferReader(console_file))
    torn = torn.set_column(WRITTEN.names.index("reason"), "reason", pa.array([b"\xff\xfe"] * 2).view(pa.string()))
    (inbox / _of_console(1)).write_bytes(as_parquet(torn))
    _post(inbox, 2)
    _post(inbox, 3)
    intake = take_in(lake, UPath(inbox), NIGHT)
    assert sorted(intake.taken["trans_id"].to_pylist()) == [1, 2, 3]
    assert f"reviews in {_of_console(1)} wait" in intake.notes[0]


@pytest.mark.parametrize("odd", [{"trans_id": ["8"]}, {"remark": ["more than a review has"]}])
def test_what_only_has_a_name_of_the_console_is_read_by_itself(lake, inbox, console_file, odd):
    whole = pq.read_table(pa.BufferReader(console_file)).slice(0, 1)
    table = pa.table({name: whole[name] for name in whole.column_names} | {n: pa.array(v) for n, v in odd.items()})
    (inbox / _of_console(1)).write_bytes(as_parquet(table))
    _post(inbox, 2)
    _post(inbox, 3)
    assert sorted(take_in(lake, UPath(inbox), NIGHT).taken["trans_id"].to_pylist()) == [1, 2, 3, 8]
    assert _pieces(inbox) == [1, 2]
    assert (inbox / _of_console(1)).exists()


def _large(inbox: Path, number: int, rows: int, reason: str = "x") -> None:
    row = {"trans_id": number, "decision": "unsure", "who": "ida", "reason": reason, "decided_at": NOON}
    table = pa.Table.from_pylist([{**row, "known_at": NOON}] * rows, schema=WRITTEN)
    (inbox / _of_console(number)).write_bytes(as_parquet(table))


def test_no_more_rows_are_gathered_than_one_file_may_have(inbox):
    for number in range(5):
        _large(inbox, number, MOST_ROWS // 2)
    gather(UPath(inbox), NIGHT)
    assert _pieces(inbox) == [MOST_ROWS // 2, MOST_ROWS, MOST_ROWS]


def test_a_file_of_more_rows_is_not_unpacked_to_be_gathered(inbox, monkeypatch):
    _large(inbox, 1, MOST_ROWS + 1)
    monkeypatch.setattr(gathering, "read_bounded", lambda *_: pytest.fail("it was unpacked"))
    gather(UPath(inbox), NIGHT)
    assert _pieces(inbox) == [MOST_ROWS + 1]


def test_short_files_that_stand_for_much_are_not_laid_together_to_one_that_nobody_reads(inbox):
    for number in range(3):
        _large(inbox, number, 4, "x" * 1_000_000)
    assert sum(path.stat().st_size for path in inbox.iterdir()) < 1 << 20
    gather(UPath(inbox), NIGHT)
    assert _pieces(inbox) == [4, 8]


def test_a_group_that_cannot_be_written_costs_nobody_the_others(lake, inbox, monkeypatch):
    for number in range(2, 6):
        _post(inbox, number)

    def full(path: UPath, content: bytes) -> None:
        monkeypatch.undo()
        raise ValueError

    monkeypatch.setattr(gathering, "MOST_ROWS", 2)
    monkeypatch.setattr(gathering, "write_whole", full)
    assert sorted(take_in(lake, UPath(inbox), NIGHT).taken["trans_id"].to_pylist()) == [1, 2, 3, 4, 5]


def test_a_gathering_that_was_killed_doubles_nothing(lake, inbox, monkeypatch):
    for number in range(2, 10):
        _post(inbox, number)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        take_in(lake, UPath(inbox), NIGHT)
    monkeypatch.undo()
    _post(inbox, 10)
    assert len(list(inbox.iterdir())) == 11  # the good one, nine pieces, and eight of them gathered
    assert sorted(take_in(lake, UPath(inbox), NIGHT).taken["trans_id"].to_pylist()) == list(range(1, 11))


@pytest.mark.parametrize("number", [0, -3, 10**17])
def test_any_whole_number_may_be_a_postings_or_an_accounts(lake, inbox, number):
    columns = "trans_id,decision,reason,who,decided_at,known_at,account_id,check_code\n"
    said = "confirmed,x,ida,2024-03-03,2024-03-03"
    (inbox / "zero.csv").write_text(f"{columns}{number},{said},,\n,{said},{number},fee_amount\n")
    taken = take_in(lake, UPath(inbox), NIGHT).taken
    found = {(row["trans_id"], row["account_id"]) for row in taken.to_pylist()}
    assert {(number, None), (None, number)} <= found
