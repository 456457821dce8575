"""A lock between processes: a file that is never opened through a link and never emptied."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock

from include.errors import IntegrityError

# A link could make this process create or empty any file of its user; a pipe would keep the opener waiting.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_FILE = (errno.ELOOP, errno.EISDIR, errno.ENXIO)


def lock_at(path: Path, *, is_reentrant: bool = False) -> BaseFileLock:
    """The lock of a file, which is created where there is none; it is not held yet.

    Parameters
    ----------
    is_reentrant
        Whether a thread that holds the lock may take it again.

    Raises
    ------
    IntegrityError
        When a link, a pipe or a folder lies in the lock's place.
    OSError
        When the file cannot be created or opened.
    """
    os.close(_opened(path))
    # Without `fallback_to_soft`, a file system that knows no locks is an error; with it, the file itself would be the
    # lock, and it is always there.
    return FileLock(path, mode=0o600, is_singleton=is_reentrant, fallback_to_soft=False)


@contextmanager
def held(path: Path, *, seconds: float = -1) -> Iterator[None]:
    """Hold a file's lock; a second process waits.

    Parameters
    ----------
    seconds
        Longest wait; without limit when negative.

    Raises
    ------
    IntegrityError, OSError
        As for `lock_at`.
    filelock.Timeout
        When another process held the lock for longer.
    """
    with lock_at(path).acquire(timeout=seconds):
        yield


def _opened(path: Path) -> int:
    try:
        descriptor = os.open(path, _FLAGS, 0o600)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise _refusal(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refusal(path)
    return descriptor


def _refusal(path: Path) -> IntegrityError:
    return IntegrityError(
        f"the lock {path} is no regular file: somebody laid a link or something else in its place. Remove it, and see "
        "who else writes into this folder",
        place=str(path),
    )
