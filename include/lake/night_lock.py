"""One night at a time: two that are played at once would both take in what is waiting.

The lock is for nights alone; readers, maintenance and selections do not wait for it. A process that ends, however it
ends, lets go of it. An object store has no such lock: there the look at the moment of publication is what holds (see
`Lake.publish_manifest`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from filelock import FileLock, Timeout
from upath import UPath

from include.errors import LakeConflictError
from include.security.file_lock import require_regular
from include.security.private import make_private

LOCK_FILE = ".night.lock"
"""In the lake's folder."""
# As long as a run of the nightly DAG may last: whoever holds the lock longer hangs.
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
        Told that the night waits, where it has to.

    Raises
    ------
    IntegrityError
        When something else than a file lies in the lock's place.
    LakeConflictError
        When another night held it for longer than a night lasts.
    """
    lake = UPath(lake_uri)
    if lake.protocol not in ("", "file"):
        yield
        return
    make_private(lake)
    file = Path(lake.path) / LOCK_FILE
    require_regular(file)
    with _acquired(FileLock(file, mode=0o600, is_singleton=True), lake_uri, night, say):
        yield


@contextmanager
def _acquired(lock: FileLock, lake_uri: str, night: date, say: Callable[[str], object]) -> Iterator[None]:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"another night is being played in {lake_uri}: {night} waits until it is through")
        _wait(lock, lake_uri, night)
    try:
        yield
    finally:
        lock.release()


def _wait(lock: FileLock, lake_uri: str, night: date) -> None:
    try:
        lock.acquire(timeout=LONGEST_WAIT_SECONDS, poll_interval=_LOOK_EVERY_SECONDS)
    except Timeout as error:
        raise LakeConflictError(
            f"another night has been at work in {lake_uri} for {LONGEST_WAIT_SECONDS // 3600} hours, so that {night} "
            "could not begin: end the process that hangs, and run the night again"
        ) from error
