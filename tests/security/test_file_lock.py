"""A lock is a file in its own place: what somebody lays there instead neither empties a file nor holds anybody up."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from include.errors import IntegrityError, TrackingError
from include.lake.night_lock import LOCK_FILE, one_night_at_a_time
from include.lake.work_folder import WorkFolder
from include.quality.data_docs import DataDocs
from include.registry import ModelRegistry
from include.registry.tracking_store import TrackingStore
from include.security import file_lock
from include.security.anchors import Anchors
from include.settings import Settings

CANARY = b"what must not be lost"
LAID = ["link", "link to nothing", "pipe", "folder"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(key_file=tmp_path / "keys" / "lake.key")


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary"
    path.write_bytes(CANARY)
    return path


def lay(what: str, path: Path, canary: Path) -> None:
    """What somebody lays in a file's place who may write into its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    kinds: dict[str, Callable[[], object]] = {
        "link": lambda: path.symlink_to(canary),
        "link to nothing": lambda: path.symlink_to(canary.with_name("nowhere")),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }
    kinds[what]()


@contextmanager
def nothing_lost(canary: Path) -> Iterator[None]:
    with pytest.raises((IntegrityError, TrackingError), match="is no regular file"):
        yield
    assert canary.read_bytes() == CANARY
    assert not canary.with_name("nowhere").exists()


@pytest.mark.parametrize("what", LAID)
def test_what_is_no_file_in_a_locks_place_is_refused(tmp_path, canary, what):
    lay(what, tmp_path / "lock", canary)
    for taken in (file_lock.held, _required):
        with nothing_lost(canary), taken(tmp_path / "lock"):
            pass


@contextmanager
def _required(path: Path) -> Iterator[None]:
    with file_lock.lock_at(path).acquire(timeout=0):
        yield


def test_a_file_that_is_there_keeps_what_it_holds_and_a_new_one_is_private(tmp_path, canary):
    for path in (canary, tmp_path / "new"):
        with file_lock.held(path):
            pass
    assert canary.read_bytes() == CANARY
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


def test_whoever_comes_second_waits(tmp_path):
    came: list[str] = []

    def second() -> None:
        with file_lock.held(tmp_path / "lock"):
            came.append("second")

    waiting = threading.Thread(target=second)
    with file_lock.held(tmp_path / "lock"):
        waiting.start()
        waiting.join(0.05)
        came.append("first")
    waiting.join()
    assert came == ["first", "second"]


@pytest.mark.parametrize("what", LAID)
def test_no_lock_of_the_models_empties_a_file(tmp_path, settings, canary, what):
    registry = ModelRegistry.open(f"file:{tmp_path / 'lake'}", settings)
    lay(what, tmp_path / "lake" / "models" / ".champion.lock", canary)
    with nothing_lost(canary):
        registry.roll_back(by="ada", why="too many alerts")


@pytest.mark.parametrize("what", LAID)
def test_no_lock_of_a_night_its_docs_or_the_record_of_trainings_does(tmp_path, canary, what):
    lake = tmp_path / "lake"
    lake.mkdir(mode=0o700)
    lay(what, lake / LOCK_FILE, canary)
    with nothing_lost(canary), one_night_at_a_time(f"file:{lake}", date(2024, 1, 1), print):
        pass
    store = TrackingStore.of(Settings(), f"file:{lake}")
    lay(what, store.lock, canary)
    with nothing_lost(canary), store.client():
        pass
    lay(what, tmp_path / "docs" / ".lock", canary)
    with nothing_lost(canary), DataDocs(f"file:{tmp_path / 'docs'}", 1)._alone():
        pass


@pytest.mark.parametrize("what", ["link", "link to nothing", "pipe"])
def test_no_lock_beside_the_key_does(settings, canary, what):
    anchors = Anchors.open(settings)
    lay(what, settings.key_file.with_name(f"{settings.key_file.name}.anchors.lock"), canary)
    with nothing_lost(canary):
        anchors.advance("0" * 32, {"champion": 1})


@pytest.mark.parametrize("what", ["link", "link to nothing", "pipe"])
def test_what_a_run_hands_on_is_written_beside_a_link_and_not_through_it(tmp_path, canary, what):
    work = WorkFolder.at(f"file:{tmp_path}", "nights", "run")
    work.begin()
    for name in ("rows.parquet", "said.json"):
        lay(what, tmp_path / "_work" / "nights" / "run" / name, canary)
    work.put("rows", pa.table({"a": [1]}))
    work.note("said", {"b": 2})
    assert work.get("rows")["a"].to_pylist() == [1]
    assert work.read_note("said") == {"b": 2}
    assert canary.read_bytes() == CANARY
    assert not canary.with_name("nowhere").exists()


def test_a_file_system_without_locks_is_an_error_and_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", without)
    with pytest.raises(OSError, match="not implemented"), file_lock.held(tmp_path / "lock", seconds=0.1):
        pass
