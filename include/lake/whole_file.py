"""Files that people and programs open while a run writes: they see all of one, or what was there before."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from upath import UPath


def write_whole(path: UPath | Path, content: bytes) -> None:
    """Replace a file in one step, on the disk before it has its name; an object store does so by itself.

    Its folder must be there. The file is its owner's alone (0600).
    """
    if isinstance(path, UPath) and path.protocol not in ("", "file"):
        path.write_bytes(content)
        return
    target = Path(path.path) if isinstance(path, UPath) else path
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            # A name that reaches the disk before what it names would be an empty file after a power cut.
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise
