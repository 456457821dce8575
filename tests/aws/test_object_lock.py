"""The lock of an object store: one holder at a time, freed by a process that died, and never lost in silence."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import Timeout

from include.aws.leave import require_leave_to_write
from include.errors import LockLostError, ObjectStoreError
from include.paths import path_of
from include.security import locks, object_lock
from include.whole_file import read_whole, write_whole
from tests.aws.conftest import make_bucket
from tests.aws.fault_proxy import FaultProxy


@pytest.fixture(scope="module")
def folder(aws_module):
    return path_of(f"s3://{make_bucket('locks')}/lake")


@pytest.fixture
def lock_file(folder, request):
    return folder / f".{request.node.name}.lock"


@pytest.fixture
def short(monkeypatch):
    """Leases of a second, so that tests need not wait for a minute."""
    for name, seconds in {
        "LEASE_SECONDS": 1,
        "_RENEW_EVERY_SECONDS": 0.2,
        "_RETRY_SECONDS": 0.2,
        "_MARGIN_SECONDS": 1,
        "_LOOK_EVERY_SECONDS": 0.2,
    }.items():
        monkeypatch.setattr(object_lock, name, seconds)


def in_another_thread(work):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def try_to_take(path, seconds=0.0):
    with locks.held(path, seconds=seconds):
        return True


def test_a_second_holder_waits_and_a_thread_may_take_its_own_again(lock_file):
    with locks.held(lock_file), locks.held(lock_file), pytest.raises(Timeout):
        in_another_thread(lambda: try_to_take(lock_file))
    assert in_another_thread(lambda: try_to_take(lock_file))
    assert not lock_file.exists()


def test_a_held_lock_outlives_its_lease(lock_file, short):
    with locks.held(lock_file):
        with pytest.raises(Timeout):
            in_another_thread(lambda: try_to_take(lock_file, seconds=3.5))
        require_leave_to_write()


def test_no_two_hold_it_at_once(folder, lock_file, short):
    number = folder / "number"
    write_whole(number, b"0")

    def add_one(_):
        with locks.held(lock_file):
            write_whole(number, str(int(number.read_bytes()) + 1).encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(16)))
    assert number.read_bytes() == b"16"


_DYING = """
    import os
    from include.paths import path_of
    from include.security import locks
    locks.lock_at(path_of({path!r})).acquire()
    os._exit(0)
"""


def test_a_process_that_died_frees_it_by_the_stores_clock(lock_file, short, monkeypatch, caplog):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(_DYING).format(path=str(lock_file))], check=False)
    assert done.returncode == 0
    assert lock_file.exists()
    # This machine's clock would say at once that the lease is over.
    real = object_lock._clock
    monkeypatch.setattr(object_lock, "_clock", lambda: real() + 3600)
    with pytest.raises(Timeout):
        try_to_take(lock_file)
    monkeypatch.setattr(object_lock, "_clock", real)
    assert try_to_take(lock_file, seconds=20)
    assert "its holder is gone" in caplog.text


def test_a_holder_that_lost_it_writes_nothing_more(folder, lock_file, short):
    kept = folder / "kept"
    write_whole(kept, b"before")
    with locks.held(lock_file):
        write_whole(kept, b"mine")
        in_another_thread(lambda: write_whole(lock_file, json.dumps({"holder": "another"}).encode()))
        time.sleep(0.5)
        with pytest.raises(LockLostError, match="another process holds it"):
            write_whole(kept, b"late")
        with pytest.raises(LockLostError), locks.held(lock_file):
            pass
        with pytest.raises(LockLostError):
            kept.unlink()
    assert kept.read_bytes() == b"mine"
    # What the other one holds is not given back by who lost it.
    assert json.loads(lock_file.read_bytes()) == {"holder": "another"}


def test_a_holder_that_was_stopped_for_longer_than_its_lease_writes_nothing_more(lock_file, short, monkeypatch):
    real = object_lock._clock
    with locks.held(lock_file):
        monkeypatch.setattr(object_lock, "_clock", lambda: real() + 3)
        with pytest.raises(LockLostError, match="could not be renewed"):
            require_leave_to_write()
        monkeypatch.setattr(object_lock, "_clock", real)


def test_a_forked_process_has_none_of_its_parents_locks(lock_file):
    with locks.held(lock_file):
        held = object_lock.ObjectLock(lock_file)
        own = held._own
        own.process += 1
        with pytest.raises(LockLostError):
            require_leave_to_write()
        own.process -= 1


def test_locks_given_back_in_the_order_they_were_taken_are_asked_as_long_as_they_are_held(lock_file):
    outer, inner = (locks.lock_at(lock_file.with_name(f"{lock_file.name}{number}")) for number in range(2))
    outer.acquire()
    inner.acquire()
    own = inner._own
    outer.release()
    own.lost = "a test says so"
    with pytest.raises(LockLostError, match="a test says so"):
        require_leave_to_write()
    inner.release()
    require_leave_to_write()


def test_a_lock_over_which_somebody_wrote_something_else_is_given_back_without_an_error(lock_file, caplog):
    with locks.held(lock_file):
        in_another_thread(lambda: write_whole(lock_file, b"no JSON"))
    assert "could not be given back" in caplog.text


@pytest.mark.long
def test_a_renewal_waits_for_a_store_that_fails(aws, folder, lock_file, short, monkeypatch, tmp_path):
    monkeypatch.setattr(object_lock, "LEASE_SECONDS", 5)
    with FaultProxy.before(aws.address("ministack"), tmp_path) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        assert not path_of(str(lock_file)).exists()  # the proxy's first answer takes seconds
        with locks.held(path_of(str(lock_file))):
            with proxy.failing(error={"code": "InternalError", "status": 500}):
                time.sleep(2)
                require_leave_to_write()
            time.sleep(4)
            require_leave_to_write()
            with proxy.failing(error={"code": "InternalError", "status": 500}):
                time.sleep(6)
                with pytest.raises(LockLostError):
                    require_leave_to_write()


def test_a_lock_that_may_not_be_written_says_so():
    with pytest.raises(ObjectStoreError, match="there is no bucket"):
        try_to_take(path_of("s3://no-such-bucket-anywhere/lake/.lock"))


def test_a_lock_on_disk_stays_a_files(tmp_path: Path):
    lock = path_of(tmp_path / "lake" / ".lock")
    with locks.held(lock):
        assert Path(lock.path).is_file()
        with pytest.raises(Timeout):
            in_another_thread(lambda: try_to_take(lock))
    assert read_whole(lock) is not None
