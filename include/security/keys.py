"""The local master key: 32 random bytes in a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from include.errors import SettingsError

KEY_BYTES = 32


def local_key(path: Path) -> bytes:
    """Read the key, creating it first where there is none.

    Parameters
    ----------
    path
        Where the key lies.

    Raises
    ------
    SettingsError
        When the file cannot be read or made, others than its owner may read it, or it does not hold 32 bytes.
    """
    try:
        if not path.exists():
            _create(path)
        _check_mode(path)
        key = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"the key file {path} cannot be read or created: {error.strerror}; "
            "set ADS_KEY_FILE to a place that the night's user owns"
        ) from error
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"the key file {path} holds {len(key)} bytes, a key has {KEY_BYTES}: restore it from its backup. "
            "A new key cannot open what the old one sealed"
        )
    return key


def _create(path: Path) -> None:
    """Make the key in one step: of two processes that start at once, both end with the same key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, path)  # unlike a rename, it never replaces a key that is there
    finally:
        Path(name).unlink()


def _check_mode(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(
            f"the key file {path} has mode {mode:04o}, so others than its owner may read or change it; "
            f"allowed is 0600 or stricter: chmod 600 {path}"
        )
