"""Reads a folder on disk: its entries, and the bytes of regular files only."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from include.sources.files.entries import FILE, FOLDER, Entry, Stamp
from include.sources.files.regular import NOT_REGULAR, WITHOUT_WAITING

_KINDS = {**NOT_REGULAR, stat.S_IFREG: FILE, stat.S_IFDIR: FOLDER}


def entries(folder: str) -> Iterator[Entry]:
    """The entries of a folder; links are followed."""
    with os.scandir(folder) as found:
        for entry in found:
            yield entry_at(Path(entry.path), entry.name)


def entries_below(folder: str) -> Iterator[Entry]:
    """All that a folder and the folders in it hold, but for these; a link to a folder is not followed."""
    for place, folders, files in os.walk(folder, onerror=_raise):
        for path in (Path(place, name) for name in (*files, *folders)):
            found = entry_at(path, path.relative_to(folder).as_posix())
            if found.kind != FOLDER:
                yield found
            elif path.is_symlink():
                yield found._replace(kind="a link to a folder")


def _raise(error: OSError) -> None:
    raise error


def entry_at(path: Path, name: str) -> Entry:
    """The entry at a path; links are followed."""
    is_link = path.is_symlink()
    try:
        found = path.stat()
    except OSError as error:
        return Entry(name, _unreachable(error, is_link=is_link))
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "no file")
    if kind not in (FILE, FOLDER):
        return Entry(name, f"a link to {kind}" if is_link else kind)
    return Entry(name, kind, _stamp(found) if kind == FILE else ())


def _unreachable(error: OSError, *, is_link: bool) -> str:
    if error.errno == errno.ELOOP:
        return "a link that leads to itself"
    if is_link and error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "a link that leads nowhere"
    return f"something that cannot be looked at ({error.strerror})"


def read(path: str, most_bytes: int) -> tuple[bytes, Stamp]:
    """The bytes of a regular file and its stamp after the read; no bytes and an empty stamp where it is none.

    However large it has become, no more is read than `most_bytes`; that it grew shows in the stamp.
    """
    with os.fdopen(os.open(path, WITHOUT_WAITING), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return b"", ()
        data = file.read(most_bytes)
        return data, _stamp(os.fstat(file.fileno()))


def _stamp(found: os.stat_result) -> Stamp:
    return (found.st_size, found.st_mtime_ns, found.st_ino)
