"""Writes files in one step, so that people and programs that open one see either the whole new or the old content."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from upath import UPath

from include.paths import is_object

_DRAFT = ".part"
NEW = "*"
"""Version that stands for no file: a write over it only makes a new one."""


class Whole(NamedTuple):
    """A file's content, and its version in the object store; the version of a file on disk is empty."""

    content: bytes
    version: str


def write_whole(path: UPath | Path, content: bytes, *, over: str = "") -> str:
    """Replace a file in one step; its content is on the disk before it gets its name.

    An object store replaces objects in one step by itself, and checks the checksum that is sent along. A folder must
    exist. Only its owner can use a file (0600).

    Parameters
    ----------
    over
        Version of an object that may be replaced, as `read_whole` gave it, or `NEW`; empty replaces whatever is there.
        On disk the writer holds a lock instead.

    Returns
    -------
    str
        Version of what was written; empty on disk.

    Raises
    ------
    ObjectConflictError
        When another process wrote the object meanwhile.
    ObjectStoreError, ObjectStoreUnavailableError
        When the object store refuses it, or fails.
    """
    if is_object(path):
        return str(path.fs.write_object(path.path, content, over or None))
    target = Path(path.path) if isinstance(path, UPath) else path
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=_DRAFT)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            # A name that reaches the disk before its content would be an empty file after a power cut.
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise
    return ""


def read_whole(path: UPath | Path, most_bytes: int | None = None) -> Whole | None:
    """The content of a file and its version; None where there is none.

    Parameters
    ----------
    most_bytes
        Size of an object above which only one byte more is read; all of it when None.

    Raises
    ------
    ObjectStoreError, ObjectStoreUnavailableError
        When the object store refuses it, or fails.
    OSError
        When a file on disk cannot be read.
    """
    if is_object(path):
        found = path.fs.read_object(path.path, most_bytes=most_bytes)
        return None if found is None else Whole(*found)
    with suppress(FileNotFoundError):
        return Whole(path.read_bytes(), "")
    return None


def content_of(path: UPath | Path) -> bytes:
    """The content of a file that must be there; one request in an object store.

    Raises
    ------
    FileNotFoundError
        When there is none.
    ObjectStoreError, ObjectStoreUnavailableError, OSError
        As for `read_whole`.
    """
    found = read_whole(path)
    if found is None:
        raise FileNotFoundError(str(path))
    return found.content


def remove_whole(path: UPath | Path, version: str = "") -> None:
    """Remove a file; an object only while it is still of this version, as `read_whole` gave it.

    Raises
    ------
    ObjectConflictError
        When another process wrote the object since.
    FileNotFoundError
        When there is no such file on disk.
    """
    if is_object(path) and version:
        path.fs.remove_object(path.path, version)
    else:
        path.unlink()


def drafts_in(folder: UPath) -> list[UPath]:
    """The drafts in a folder: of a file that is being written, or that a killed process did not finish."""
    return sorted(folder.glob(f".*{_DRAFT}"), key=str) if not is_object(folder) and folder.exists() else []


def put_whole(path: UPath | Path, draft: Path) -> None:
    """Give a finished file on this machine its name in one step; the draft is gone afterwards.

    A path on disk must lie in the draft's file system. An object store shows an object once all its parts are there,
    and not before. Only the owner can use the file (0600).
    """
    if is_object(path):
        path.fs.put_file(str(draft), path.path)
        draft.unlink()
        return
    draft.chmod(0o600)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(Path(path.path) if isinstance(path, UPath) else path)
