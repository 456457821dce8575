"""A lock between processes: a file that nobody's link leads elsewhere from, and that is never emptied."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.errors import IntegrityError

# A link would have any file of this user's made or emptied, a pipe would keep the opener waiting.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_FILE = (errno.ELOOP, errno.EISDIR, errno.ENXIO)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a file's lock; whoever comes second waits.

    Raises
    ------
    IntegrityError
        When a link, a pipe or a folder lies in the lock's place.
    OSError
        When the file cannot be made or opened.
    """
    with os.fdopen(_opened(path), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing is not enough where a process forked meanwhile holds the descriptor too.
            fcntl.flock(lock, fcntl.LOCK_UN)


def require_regular(path: Path) -> None:
    """See that a lock which something else opens is a file; it is made where there is none.

    Raises
    ------
    IntegrityError, OSError
        As `held`.
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
