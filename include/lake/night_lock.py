"""A lock that lets one night run at a time: two at once would both take in the same waiting records and reviews.

Only nights use the lock; readers, maintenance and selections do not wait for it. A process releases it however it ends.
An object store has no such lock; there the check at the moment of publication protects (see `Lake.publish_manifest`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from filelock import BaseFileLock, Timeout
from upath import UPath

from include.errors import LakeConflictError
from include.security.file_lock import lock_at
from include.security.private import make_private

LOCK_FILE = ".night.lock"
"""Name of the lock file in the lake's folder."""
# A run of the nightly DAG may last this long; a process that holds the lock for longer hangs.
LONGEST_WAIT_SECONDS = 6 * 3600
_LOOK_EVERY_SECONDS = 0.5


@contextmanager
def one_night_at_a_time(lake_uri: str, night: date, say: Callable[[str], object]) -> Iterator[None]:
    """Hold the lake's lock of nights; a thread that holds it may take it again.

    Parameters
    ----------
    night
        Settlement date that is to be played.
    say
        Function that is called with a message when the night has to wait.

    Raises
    ------
    IntegrityError
        When something other than a file lies in the lock's place.
    LakeConflictError
        When another night held the lock for longer than a night lasts.
    """
    lake = UPath(lake_uri)
    if lake.protocol not in ("", "file"):
        yield
        return
    make_private(lake)
    with _acquired(lock_at(Path(lake.path) / LOCK_FILE, is_reentrant=True), lake_uri, night, say):
        yield


@contextmanager
def _acquired(lock: BaseFileLock, lake_uri: str, night: date, say: Callable[[str], object]) -> Iterator[None]:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"another night is being played in {lake_uri}: {night} waits until it is through")
        _wait(lock, lake_uri, night)
    try:
        yield
    finally:
        lock.release()


def _wait(lock: BaseFileLock, lake_uri: str, night: date) -> None:
    try:
        lock.acquire(timeout=LONGEST_WAIT_SECONDS, poll_interval=_LOOK_EVERY_SECONDS)
    except Timeout as error:
        raise LakeConflictError(
            f"another night has been at work in {lake_uri} for {LONGEST_WAIT_SECONDS // 3600} hours, so that {night} "
            "could not begin: end the process that hangs, and run the night again",
            night=night,
            place=lake_uri,
        ) from error
