"""Folders that hold records in the clear: nobody but the night's own user looks into them."""

from __future__ import annotations

from pathlib import Path

from upath import UPath

_OWNER_ALONE = 0o700


def make_private(folder: UPath) -> None:
    """Make a folder where there is none, for its owner alone; one that is there is closed to others.

    An object store has no modes: who may read there is its policy's to say. A folder on disk is made by its plain path,
    since the one of a `file:` address would forget the mode.
    """
    if folder.protocol not in ("", "file"):
        folder.mkdir(parents=True, exist_ok=True)
        return
    path = Path(folder.path)
    path.mkdir(mode=_OWNER_ALONE, parents=True, exist_ok=True)
    if path.stat().st_mode & 0o077:
        path.chmod(_OWNER_ALONE)
