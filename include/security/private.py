"""Folders and files that hold records in the clear: nobody but the night's own user looks into them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from upath import UPath

from include.errors import SettingsError

OWNERS_UMASK = 0o077
"""What a process sets that writes records: files are 0600, folders 0700."""

_OWNER_ALONE = 0o700
_OTHERS = 0o077


def keep_new_files_private() -> None:
    """Make every file and folder this process makes from now on its owner's alone."""
    os.umask(OWNERS_UMASK)


def make_private(folder: UPath | Path) -> None:
    """Make a folder where there is none, for its owner alone; one that is there is closed to others, with all in it.

    An object store has no modes: who may read there is its policy's to say. A folder on disk is made by its plain path,
    since the one of a `file:` address would forget the mode.

    Raises
    ------
    SettingsError
        When it is another user's, open to others and not this user's to close, or meant for all.
    """
    if isinstance(folder, UPath) and folder.protocol not in ("", "file"):
        folder.mkdir(parents=True, exist_ok=True)
        return
    path = Path(folder.path) if isinstance(folder, UPath) else folder
    path.mkdir(mode=_OWNER_ALONE, parents=True, exist_ok=True)
    _require_not_shared(path)
    _require_owner(path)
    if path.stat().st_mode & _OTHERS:
        # From the root down: while it was open, somebody may have entered a folder further below.
        _close(path)
        _close_below(path)


def _require_owner(path: Path) -> None:
    """Refuse another user's folder, open or not: its owner reads, changes and replaces what is written into it."""
    owner = path.stat().st_uid
    if owner != os.geteuid():
        raise SettingsError(
            f"the folder {path} belongs to another user (number {owner}), who could read the bank in it and change it: "
            "chown it to this user, or name another folder"
        )


def _require_not_shared(path: Path) -> None:
    if path.stat().st_mode & stat.S_ISVTX or path.parent == path:
        raise SettingsError(f"the folder {path} is one that all users write to: name a folder of its own in it")


def _close_below(folder: Path) -> None:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if not path.is_symlink():  # what a link leads to is not the folder's
                _close(path)


def _close(path: Path) -> None:
    """Take every right of group and others; one that is gone meanwhile needs none."""
    mode = 0
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            path.chmod(mode & ~_OTHERS)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SettingsError(
            f"{path} is open to other users of this machine (mode {mode:04o}), who could read the bank in it, and is "
            f"not this user's to close ({error.strerror}): have its owner close it (chmod -R go= ...), or name another "
            "folder"
        ) from error
