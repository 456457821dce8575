"""Paths of folders and object prefixes, from an address or a plain path."""

from __future__ import annotations

from pathlib import Path
from typing import TypeGuard

from upath import UPath

_OBJECTS = ("s3:", "s3a:", "s3n:")


def path_of(address: str | Path) -> UPath:
    """The path of a folder, a file, an object or a prefix.

    >>> path_of("file:/data/lake").path
    '/data/lake'
    """
    text = str(address)
    if text.startswith(_OBJECTS):
        from include.aws.object_store import object_path  # takes a second, which a lake in a folder does not need

        return object_path(text)
    return UPath(text)


def folders_in(folder: UPath) -> list[UPath]:
    """The folders directly in a folder or below a prefix, in one listing; none where there is nothing."""
    if is_object(folder):
        return [folder / name for name in folder.fs.names_below(folder.path, folders=True)]
    return sorted((child for child in folder.iterdir() if child.is_dir()), key=str) if folder.exists() else []


def names_in(folder: UPath) -> list[str]:
    """The names of the files directly in a folder or below a prefix, in one listing; none where there is nothing."""
    if is_object(folder):
        return list(folder.fs.names_below(folder.path, folders=False))
    return [child.name for child in folder.iterdir() if child.is_file()] if folder.exists() else []


def files_below(folder: UPath | Path) -> list[str]:
    """The files in a folder and in its folders, or below a prefix, by their names from there, in one listing."""
    if is_object(folder):
        return list(folder.fs.all_below(folder.path))
    place = Path(folder.path) if isinstance(folder, UPath) else folder
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


def is_object(path: UPath | Path) -> TypeGuard[UPath]:
    """Whether a path lies in an object store, rather than in a folder of this machine."""
    return isinstance(path, UPath) and path.protocol not in ("", "file")
