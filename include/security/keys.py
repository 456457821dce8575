"""The local master key: 32 random bytes in a file that only its owner can read."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from include.errors import SettingsError

KEY_BYTES = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ROOT = 0


def local_key(path: Path) -> bytes:
    """Read the key, creating it first where there is none.

    Parameters
    ----------
    path
        Path of the key file.

    Raises
    ------
    SettingsError
        When the file cannot be read or created, when others than its owner may read, change or replace it, when it is a
        link, or when it does not hold 32 bytes.
    """
    try:
        if not path.is_symlink() and not path.exists():
            _create(path)
        _check_folders(path.parent)
        key = _read(path)
    except OSError as error:
        raise SettingsError(
            f"the key file {path} cannot be read or created: {error.strerror}; "
            "set ADS_KEY_FILE to a place that the night's user owns",
            setting="key_file",
            place=str(path),
        ) from error
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"the key file {path} holds {len(key)} bytes, a key has {KEY_BYTES}: restore it from its backup. "
            "A new key cannot open what the old one sealed",
            setting="key_file",
            place=str(path),
        )
    return key


def _create(path: Path) -> None:
    """Create the key in one step, so that two processes that start at once get the same key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, path)  # unlike a rename, this never replaces an existing key
    finally:
        Path(name).unlink()


def _read(path: Path) -> bytes:
    if path.is_symlink():
        raise _link(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:  # it became a link since it was checked
            raise _link(path) from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        _check_file(path, os.fstat(file.fileno()))
        return file.read(KEY_BYTES + 1)


def _link(path: Path) -> SettingsError:
    return SettingsError(
        f"the key file {path} is a link, and whoever may change the link chooses the key: set ADS_KEY_FILE to the file "
        "itself",
        setting="key_file",
        place=str(path),
    )


def _check_file(path: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        raise SettingsError(
            f"the key {path} is no regular file: set ADS_KEY_FILE to one of {KEY_BYTES} bytes",
            setting="key_file",
            place=str(path),
        )
    if found.st_uid != os.geteuid():
        raise SettingsError(
            f"the key file {path} belongs to another user (number {found.st_uid}), who may change it: chown it to the "
            "night's user, or set ADS_KEY_FILE to a file of that user's",
            setting="key_file",
            place=str(path),
        )
    if mode & _OTHERS:
        raise SettingsError(
            f"the key file {path} has mode {mode:04o}, so others than its owner may read or change it; "
            f"allowed is 0600 or stricter: chmod 600 {path}",
            setting="key_file",
            place=str(path),
        )


def _check_folders(folder: Path) -> None:
    """Raise when others may write into the key's folder or one above it, as they could replace the key or folder."""
    found = folder.stat()
    if found.st_uid not in (os.geteuid(), _ROOT):
        raise SettingsError(
            f"the key's folder {folder} belongs to another user (number {found.st_uid}), who may put another key "
            "there: chown it to the night's user, or set ADS_KEY_FILE to a folder of that user's",
            setting="key_file",
            place=str(folder),
        )
    mode = stat.S_IMODE(found.st_mode)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SettingsError(
            f"the key's folder {folder} has mode {mode:04o}, so others than its owner may put another key there: "
            f"chmod 700 {folder}, or set ADS_KEY_FILE to a folder of its own",
            setting="key_file",
            place=str(folder),
        )
    for above in folder.resolve().parents:
        mode = stat.S_IMODE(above.stat().st_mode)
        # In a sticky folder such as /tmp, nobody can move another user's files.
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise SettingsError(
                f"the folder {above} above the key has mode {mode:04o}, so that anybody may replace what is in it: "
                f"chmod o-w {above}, or set ADS_KEY_FILE to another place",
                setting="key_file",
                place=str(above),
            )
