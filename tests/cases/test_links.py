"""Links among a bank's files are followed to files and named otherwise; only regular files are read."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from include.errors import SourceError, SourceUnavailableError
from include.sources import open_source
from include.sources.files import disk
from include.sources.files.folder import Folder, _reported
from tests.sources.small_banks import csv_text, header_of, write_canonical

ORDERS = csv_text(header_of("fin_order"), [["1", "1", "AB", "5", "7.00", ""]])


def orders(folder: Path) -> int:
    with open_source(str(folder)) as source:
        found = source.static("fin_order")
        return -1 if found is None else found.offered


def refusal(folder: Path | str) -> str:
    with pytest.raises(SourceError) as caught:
        orders(Path(folder))
    return str(caught.value)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize("hops", [1, 2])
def test_a_link_to_a_file_is_read_under_its_own_name(tmp_path, hops):
    folder = write_canonical(tmp_path / "bank")
    (tmp_path / "0").write_text(ORDERS)
    for hop in range(1, hops):
        (tmp_path / str(hop)).symlink_to(tmp_path / str(hop - 1))
    (folder / "fin_order.csv").symlink_to(tmp_path / str(hops - 1))
    assert orders(folder) == 1
    with open_source(str(folder)) as source:
        found = source.static("fin_order")
        assert found is not None
        assert found.rows["source_uri"].to_pylist() == [f"file:{folder}/fin_order.csv"]


def test_a_link_to_a_folder_of_parts_is_read_and_one_among_the_parts_is_followed(tmp_path):
    folder = write_canonical(tmp_path / "bank")
    (tmp_path / "parts").mkdir()
    (tmp_path / "elsewhere").write_text(ORDERS)
    (tmp_path / "parts" / "a.csv").symlink_to(tmp_path / "elsewhere")
    (folder / "fin_order").symlink_to(tmp_path / "parts")
    assert orders(folder) == 1
    (tmp_path / "parts" / "deep").symlink_to(tmp_path / "parts")
    assert "holds deep, which is a link to a folder and is not read" in refusal(folder)


NO_FILES: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: path.symlink_to("nowhere"), "a link that leads nowhere"),
    (lambda path: path.symlink_to(path.name), "a link that leads to itself"),
    (lambda path: path.symlink_to("/dev/zero"), "a link to a device"),
    (lambda path: path.symlink_to("/dev/null"), "a link to a device"),
    (os.mkfifo, "a named pipe"),
    (a_socket, "a socket"),
]


@pytest.mark.parametrize(("make", "kind"), NO_FILES)
def test_what_only_has_a_relations_name_is_named_and_neither_skipped_nor_read(tmp_path, make, kind):
    folder = write_canonical(tmp_path)
    make(folder / "fin_order.csv")
    message = refusal(folder)
    assert f"holds fin_order as fin_order.csv, which is {kind} and is not read" in message
    assert "put the file itself there, or remove it" in message


@pytest.mark.parametrize(("make", "kind"), NO_FILES)
def test_the_same_among_the_parts_of_a_relation(tmp_path, make, kind):
    folder = write_canonical(tmp_path)
    (folder / "fin_order").mkdir()
    make(folder / "fin_order" / "part-0.csv")
    assert f"holds part-0.csv, which is {kind} and is not read" in refusal(folder)


def test_a_link_to_a_pipe_is_named(tmp_path):
    folder = write_canonical(tmp_path / "bank")
    os.mkfifo(tmp_path / "pipe")
    (folder / "fin_order.parquet").symlink_to(tmp_path / "pipe")
    assert "which is a link to a named pipe" in refusal(folder)


def test_a_file_that_becomes_a_pipe_does_not_hang_the_night(tmp_path):
    folder = write_canonical(tmp_path)
    path = folder / "fin_order.csv"
    path.write_text(ORDERS)
    entry = Folder.at(str(folder)).entries()["fin_order.csv"]
    path.unlink()
    os.mkfifo(path)
    assert disk.read(str(path), 100) == (b"", ())
    assert entry.stamp != ()


def test_no_more_of_a_file_is_read_than_it_had_when_it_was_looked_at(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"123456")
    data, stamp = disk.read(str(tmp_path / "a.csv"), 3)
    assert (data, stamp[0]) == (b"123", 6)


@pytest.mark.parametrize("name", ["fin_order.csv", "fin_order/part-0.csv", "fin_order.csv.gz", "fin_order.parquet"])
def test_a_file_that_is_larger_than_a_relation_is_not_opened(tmp_path, monkeypatch, name):
    file = write_canonical(tmp_path) / name
    file.parent.mkdir(exist_ok=True)
    file.touch()
    os.truncate(file, 1 << 36)
    monkeypatch.setattr(disk, "read", lambda *_: pytest.fail("it was opened"))
    assert f"{name} brings the relation to more than 2,147,483,647 bytes" in refusal(tmp_path)


def test_names_that_are_no_text_harm_nobody(tmp_path):
    folder = write_canonical(tmp_path)
    Path(os.fsdecode(os.fsencode(folder) + b"/r\xe9sum\xe9.csv")).write_text("x")
    assert orders(folder) == -1
    (folder / "fin_order").mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/fin_order/part-\xff.csv")).write_text(ORDERS)
    with open_source(str(folder)) as source:
        found = source.static("fin_order")
        assert found is not None
        assert found.rows["source_uri"].to_pylist() == [f"file:{folder}/fin_order/part-\\xff.csv"]
    (folder / "fin_client.csv").unlink()
    assert "r\\xe9sum\\xe9.csv" in refusal(folder)


# Permanent and passing


@pytest.mark.parametrize("make", [lambda path: path.symlink_to(path), lambda path: path / ("x" * 300)])
def test_an_address_that_leads_nowhere_for_good_does_not_ask_to_try_again(tmp_path, make):
    path = tmp_path / "bank"
    made = make(path)
    message = refusal(made or path)
    assert "try again" not in message


@pytest.mark.parametrize(
    "error",
    [
        IsADirectoryError(errno.EISDIR, "is a directory"),
        NotADirectoryError(errno.ENOTDIR, "no directory"),
        OSError(errno.ELOOP, "too many links"),
        OSError(errno.ENAMETOOLONG, "name too long"),
        OSError(errno.EINVAL, "invalid"),
        ValueError("Invalid endpoint: notaurl"),
    ],
)
def test_what_somebody_must_mend_is_terminal(error):
    with pytest.raises(SourceError, match="trying again does not help"), _reported("file:/bank"):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, "input/output error"),
        OSError(errno.ESTALE, "stale handle"),
        TimeoutError(),
        ConnectionResetError(),
    ],
)
def test_what_passes_by_itself_may_be_tried_again(error):
    with pytest.raises(SourceUnavailableError, match="try again"), _reported("file:/bank"):
        raise error
