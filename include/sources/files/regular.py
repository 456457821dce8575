"""Bytes of a regular file of bounded size, and of nothing that only has a file's name."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from include.errors import SourceError

NOT_REGULAR = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""Words for things that are no regular files, by their format."""

# A pipe without a writer would keep the opener waiting for ever.
WITHOUT_WAITING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Flags for opening a path before it is known whether it is a regular file."""


def read_regular(path: Path, most_bytes: int) -> bytes:
    """The bytes of a regular file.

    Parameters
    ----------
    path
        Place of the file; a link at its end is not followed.
    most_bytes
        Largest size that is read, however much the file grows meanwhile.

    Raises
    ------
    SourceError
        When it is a link, a pipe, a device, a socket or a folder, or too large.
    OSError
        When it is not there or may not be read.
    """
    # Before it is opened: a device may do something when it is.
    _require_regular(path.lstat())
    with os.fdopen(_opened(path), "rb") as file:
        found = os.fstat(file.fileno())
        _require_regular(found)
        _require_small(found.st_size, most_bytes)
        data = file.read(most_bytes + 1)
    _require_small(len(data), most_bytes)
    return data


def _opened(path: Path) -> int:
    try:
        return os.open(path, WITHOUT_WAITING | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ELOOP:  # swapped for a link since it was looked at
            raise _not_regular("a link") from error
        raise


def _require_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _not_regular(NOT_REGULAR.get(stat.S_IFMT(found.st_mode), "no file"))


def _not_regular(kind: str) -> SourceError:
    return SourceError(f"it is {kind}, and only regular files are read: put the file itself there, or remove it")


def _require_small(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise SourceError(f"it has {size:,} bytes, at most {most_bytes:,} are read: cut it into several files")
