"""Locks of a lake: one night runs at a time, and one upkeep.

Two nights at once would both take in the same waiting records and reviews. Upkeep is maintenance, an erasure, and a
rotation of the pseudonyms' key: each writes files anew from what it has read, so that beside an erasure it could bring
back rows that were just taken out.

Readers and selections wait for neither. Upkeep and nights do not wait for each other, except that an erasure holds both
locks; whoever does takes that of upkeep first. A process releases a lock however it ends. In an object store
a lock is a lease (`include.security.object_lock`), which a process that died keeps for a minute; one that loses it
writes nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from filelock import Timeout

from include.errors import LakeConflictError
from include.paths import path_of
from include.security.locks import Lock, lock_at

LOCK_FILE = ".night.lock"
"""Name of the lock file of nights in the lake's folder."""
UPKEEP_LOCK_FILE = ".upkeep.lock"
"""Name of the lock file of upkeep in the lake's folder."""
# A run of the nightly DAG may last this long; a process that holds the lock for longer hangs.
LONGEST_WAIT_SECONDS = 6 * 3600
# Half of what Airflow gives a task of the maintenance, so that a task that waits in vain ends with its own sentence and
# is tried again. A year of nights takes a maintenance one to two minutes, a rotation some twenty.
LONGEST_UPKEEP_WAIT_SECONDS = 3600
_LOOK_EVERY_SECONDS = 0.5

Say = Callable[[str], object]


@dataclass(frozen=True)
class _Patience:
    """How long a lock is waited for, and what is said meanwhile and in the end."""

    seconds: int
    waiting: str
    in_vain: LakeConflictError


@contextmanager
def one_night_at_a_time(lake_uri: str, night: date, say: Say) -> Iterator[None]:
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
    in_vain = LakeConflictError(
        f"another night has been at work in {lake_uri} for {LONGEST_WAIT_SECONDS // 3600} hours, so that {night} "
        "could not begin: end the process that hangs, and run the night again",
        night=night,
        place=lake_uri,
    )
    waiting = f"another night is being played in {lake_uri}: {night} waits until it is through"
    with _held(lake_uri, LOCK_FILE, _Patience(LONGEST_WAIT_SECONDS, waiting, in_vain), say):
        yield


@contextmanager
def one_upkeep_at_a_time(lake_uri: str, work: str, say: Say) -> Iterator[None]:
    """Hold the lake's lock of upkeep; a thread that holds it may take it again.

    Parameters
    ----------
    work
        What is to be done, as the subject of a sentence.
    say
        Function that is called with a message when the work has to wait.

    Raises
    ------
    IntegrityError
        When something other than a file lies in the lock's place.
    LakeConflictError
        When another upkeep held the lock for longer than one lasts.
    """
    in_vain = LakeConflictError(
        f"a maintenance, an erasure or a rotation of the pseudonyms' key has been at work in {lake_uri} for "
        f"{LONGEST_UPKEEP_WAIT_SECONDS // 60} minutes, so that {work} could not begin and changed nothing. Look for it "
        "among the runs of lake_maintenance and key_rotation and the commands maintain, privacy --erase and "
        "rotate-pseudonyms: wait for its end, or end the process that hangs, and run this again",
        place=lake_uri,
    )
    waiting = (
        f"a maintenance, an erasure or a rotation of the pseudonyms' key is at work in {lake_uri}: {work} waits until "
        "it is through"
    )
    with _held(lake_uri, UPKEEP_LOCK_FILE, _Patience(LONGEST_UPKEEP_WAIT_SECONDS, waiting, in_vain), say):
        yield


@contextmanager
def nothing_else_at_work(lake_uri: str, work: str) -> Iterator[None]:
    """Hold both locks of the lake, without waiting for either.

    Parameters
    ----------
    work
        What is to be done, as the subject of a sentence.

    Raises
    ------
    IntegrityError
        When something other than a file lies in a lock's place.
    LakeConflictError
        When a night or other upkeep is at work.
    """
    in_vain = LakeConflictError(
        f"a night, a maintenance, an erasure or a rotation is at work in {lake_uri}, so that {work} did not begin and "
        "changed nothing: run it again once that is through",
        place=lake_uri,
    )
    at_once = _Patience(0, in_vain.args[0], in_vain)
    with (
        _held(lake_uri, UPKEEP_LOCK_FILE, at_once, _unsaid),
        _held(lake_uri, LOCK_FILE, at_once, _unsaid),
    ):
        yield


def _unsaid(_: str) -> None:
    """Say nothing: who does not wait is told by the error."""


@contextmanager
def _held(lake_uri: str, file: str, patience: _Patience, say: Say) -> Iterator[None]:
    lock = lock_at(path_of(lake_uri) / file, is_reentrant=True)
    _acquire(lock, patience, say)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: Lock, patience: _Patience, say: Say) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(patience.waiting)
        try:
            lock.acquire(timeout=patience.seconds, poll_interval=_LOOK_EVERY_SECONDS)
        except Timeout as error:
            raise patience.in_vain from error
