"""Keeps folders and files with unencrypted records private to the user that runs the night."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from upath import UPath

from include.errors import SettingsError
from include.paths import is_object

OWNERS_UMASK = 0o077
"""Umask of processes that write records: files are 0600, folders 0700."""

_OWNER_ALONE = 0o700
_OTHERS = 0o077


def keep_new_files_private() -> None:
    """Make every file and folder that this process creates from now on private to its owner."""
    os.umask(OWNERS_UMASK)


def make_private(folder: UPath | Path) -> None:
    """Create a private folder, or close an existing one and everything in it to other users.

    An object store has neither folders nor modes; its policy decides who may read. A folder on disk is created by its
    plain path, since a path from a `file:` address would ignore the mode.

    Raises
    ------
    SettingsError
        When the folder belongs to another user, is open to others and cannot be closed by this user, or is meant for
        all users.
    """
    if is_object(folder):
        return
    path = Path(folder.path) if isinstance(folder, UPath) else folder
    path.mkdir(mode=_OWNER_ALONE, parents=True, exist_ok=True)
    _require_not_shared(path)
    _require_owner(path)
    if path.stat().st_mode & _OTHERS:
        # From the root down, since somebody may have entered a folder further below while it was open.
        _close(path)
        _close_below(path)


def _require_owner(path: Path) -> None:
    """Refuse another user's folder, open or not: its owner could read, change and replace the files in it."""
    owner = path.stat().st_uid
    if owner != os.geteuid():
        raise SettingsError(
            f"the folder {path} belongs to another user (number {owner}), who could read the bank in it and change it: "
            "chown it to this user, or name another folder",
            place=str(path),
        )


def _require_not_shared(path: Path) -> None:
    if path.stat().st_mode & stat.S_ISVTX or path.parent == path:
        raise SettingsError(
            f"the folder {path} is one that all users write to: name a folder of its own in it", place=str(path)
        )


def _close_below(folder: Path) -> None:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if not path.is_symlink():  # the target of a link does not belong to the folder
                _close(path)


def _close(path: Path) -> None:
    """Remove all rights of group and others; a path that is gone meanwhile needs nothing."""
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
            "folder",
            place=str(path),
        ) from error
