"""Locks between processes, of the kind that a place has: a file's on disk, a lease in an object store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from upath import UPath

from include.paths import is_object
from include.security import file_lock
from include.security.private import make_private


class Lock(Protocol):
    """A lock; `acquire` raises filelock.Timeout when the wait was in vain."""

    def acquire(self, timeout: float = ..., poll_interval: float = ...) -> object:
        """Take the lock; without limit of time when `timeout` is negative."""

    def release(self) -> None:
        """Give the lock back."""


def lock_at(path: UPath, *, is_reentrant: bool = False) -> Lock:
    """The lock of a path, which is not held yet; a folder on disk is made private, and created where there is none.

    Parameters
    ----------
    path
        Path of a file or an object that is nothing but the lock.
    is_reentrant
        Whether a thread that holds the lock may take it again, as it may in an object store in any case.

    Raises
    ------
    IntegrityError, OSError
        As for `include.security.file_lock.lock_at`.
    """
    if is_object(path):
        from include.security.object_lock import ObjectLock

        return ObjectLock(path)
    make_private(path.parent)
    return file_lock.lock_at(Path(path.path), is_reentrant=is_reentrant)


@contextmanager
def held(path: UPath, *, seconds: float = -1) -> Iterator[None]:
    """Hold the lock of a path; a second process waits.

    Parameters
    ----------
    seconds
        Longest wait; without limit when negative.

    Raises
    ------
    IntegrityError, OSError
        As for `include.security.file_lock.lock_at`.
    filelock.Timeout
        When another process held the lock for longer.
    """
    lock = lock_at(path)
    lock.acquire(timeout=seconds)
    try:
        yield
    finally:
        lock.release()
