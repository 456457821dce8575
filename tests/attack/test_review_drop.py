"""Files in the drop of reviews that are none, or hold what no reader takes: each waits, and costs nobody the others."""

from __future__ import annotations

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
from include.learning.reviews import take_in
from include.sources.regular import read_regular
from include.sources.reviews import MOST_BYTES, drop_reviews, put_away

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
    assert put_away(take_in(lake, UPath(inbox), NIGHT).settled) == []
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


@pytest.mark.parametrize("seed", range(20))
def test_mutated_parquet_costs_nobody_the_other_files(lake, inbox, seed):
    rng = np.random.default_rng(seed)
    pq.write_table(pa.table({"trans_id": ["2"], **TEXTS}), inbox / "odd.parquet")
    data = bytearray((inbox / "odd.parquet").read_bytes())
    for place in rng.integers(0, len(data), 12):
        data[place] = rng.integers(0, 256)
    (inbox / "odd.parquet").write_bytes(bytes(data))
    assert 1 in take_in(lake, UPath(inbox), NIGHT).taken["trans_id"].to_pylist()


def test_a_link_swapped_in_after_the_look_is_not_followed(tmp_path, monkeypatch):
    file, secret = tmp_path / "a.csv", tmp_path / "secret"
    file.write_text("harmless")
    secret.write_text("secret")
    looked = Path.lstat

    def swap(path):
        found = looked(path)
        file.unlink()
        file.symlink_to(secret)
        return found

    monkeypatch.setattr(Path, "lstat", swap)
    with pytest.raises(SourceError, match="a link"):
        read_regular(file, 100)


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
    assert put_away(intake.settled) == []
    (later,) = inbox.iterdir()
    assert later.name.startswith("20240304T")


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
