"""Serves files from folders of the lake: only those that the console may show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from upath import UPath

from include.paths import is_object, path_of

# One name of a path: no separator of any system, no leading dot, nothing a terminal or a log would choke on.
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,:+= -]{0,254}")


class NoSuchFileError(LookupError):
    """Raised when a folder has no such file to show, or the path is not one of a file."""


@dataclass(frozen=True)
class ShownFile:
    """One file in the form that the browser gets."""

    content: bytes
    media_type: str


class ShownFolder:
    """A folder whose files may be shown.

    Parameters
    ----------
    lake_uri
        The lake.
    folder
        Folder of the lake.
    media_types
        Media types by file ending; files with other endings are not served.
    """

    def __init__(self, lake_uri: str, folder: str, media_types: Mapping[str, str]) -> None:
        root = path_of(lake_uri) / folder
        self.root: Path | UPath = root if is_object(root) else Path(root.path)
        self.media_types = media_types

    def read(self, path: str) -> ShownFile:
        """The file at `path`, relative to the folder and already decoded.

        Raises
        ------
        NoSuchFileError
            When there is no such file, or the path leaves the folder by a name or by a link.
        """
        names = path.split("/")
        media_type = self.media_types.get(PurePosixPath(names[-1]).suffix)
        if media_type is None or not all(_SAFE_NAME.fullmatch(name) for name in names):
            raise NoSuchFileError("there is no such page")
        try:
            return ShownFile(self._inside(names).read_bytes(), media_type)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
            raise NoSuchFileError("there is no such page") from error

    def names(self, path: str) -> list[str]:
        """Names of the files that may be shown in the subfolder `path`, sorted; none where there is no such folder."""
        if not _SAFE_NAME.fullmatch(path) or not (self.root / path).is_dir():
            return []
        found = [child.name for child in (self.root / path).iterdir()]
        return sorted(name for name in found if PurePosixPath(name).suffix in self.media_types)

    def _inside(self, names: list[str]) -> Path | UPath:
        """The path of the file after following links, which object stores do not have."""
        if not isinstance(self.root, Path):
            return self.root.joinpath(*names)
        file = self.root.joinpath(*names).resolve(strict=True)
        if not file.is_relative_to(self.root.resolve(strict=True)):
            raise FileNotFoundError(f"{file} lies outside of the folder")
        return file
