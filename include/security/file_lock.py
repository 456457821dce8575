"""A lock between processes: a file that is never opened through a link and never emptied."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.errors import IntegrityError

# A link could make this process create or empty any file of its user; a pipe would keep the opener waiting.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_FILE = (errno.ELOOP, errno.EISDIR, errno.ENXIO)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a file's lock; a second process waits.

    Raises
    ------
    IntegrityError
        When a link, a pipe or a folder lies in the lock's place.
    OSError
        When the file cannot be created or opened.
    """
    with os.fdopen(_opened(path), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing is not enough when a process that was forked meanwhile holds the descriptor too.
            fcntl.flock(lock, fcntl.LOCK_UN)


def require_regular(path: Path) -> None:
    """Check that a lock that other code opens is a regular file; it is created where there is none.

    Raises
    ------
    IntegrityError, OSError
        As for `held`.
    """
    os.close(_opened(path))


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
        "who else writes into this folder"
    )
