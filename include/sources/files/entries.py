"""What a folder or prefix holds: files with the stamps that tell whether they changed, folders, and what is neither."""

from __future__ import annotations

from typing import Any, NamedTuple

FILE = "a file"
FOLDER = "a folder"

Stamp = tuple[Any, ...]
"""Size and ETag of an object, or size, time and inode of a file: differs once it is written again."""


class Entry(NamedTuple):
    """One thing in a folder.

    Attributes
    ----------
    name
        Its path below the folder, with slashes.
    kind
        `FILE`, `FOLDER`, or for people what else it is ("a link that leads nowhere").
    stamp
        Of a file.
    """

    name: str
    kind: str = FILE
    stamp: Stamp = ()


def shown(name: str) -> str:
    r"""A file's name as text that can be stored and printed, whatever bytes it is written in.

    >>> shown("part-\udce9.csv")
    'part-\\xe9.csv'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
