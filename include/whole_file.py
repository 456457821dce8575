"""Writes files in one step, so that people and programs that open one see either the whole new or the old content."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from upath import UPath

_DRAFT = ".part"


def write_whole(path: UPath | Path, content: bytes) -> None:
    """Replace a file in one step; its content is on the disk before it gets its name.

    An object store replaces files in one step by itself. The folder must exist. Only its owner can use the file (0600).
    """
    if isinstance(path, UPath) and path.protocol not in ("", "file"):
        path.write_bytes(content)
        return
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


def drafts_in(folder: UPath) -> list[UPath]:
    """The drafts in a folder: of a file that is being written, or that a killed process did not finish."""
    return sorted(folder.glob(f".*{_DRAFT}"), key=str) if folder.exists() else []


def put_whole(path: UPath | Path, draft: Path) -> None:
    """Give a finished file on this machine its name in one step; the draft is gone afterwards.

    A path on disk must lie in the draft's file system. An object store replaces files in one step by itself. Only the
    owner can use the file (0600).
    """
    if isinstance(path, UPath) and path.protocol not in ("", "file"):
        path.fs.put_file(str(draft), path.path)
        draft.unlink()
        return
    draft.chmod(0o600)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(Path(path.path) if isinstance(path, UPath) else path)
