"""Entries of a folder or prefix: files with stamps that show whether they changed, folders, and anything else."""

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
        Path below the folder, with slashes.
    kind
        `FILE`, `FOLDER`, or words for anything else ("a link that leads nowhere").
    stamp
        Stamp of a file; empty for anything else.
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
