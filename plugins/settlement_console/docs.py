"""The Data Docs site of a lake: reading one of its pages, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from upath import UPath

SITE_FOLDER = "data_docs"
"""Where in the lake the site lies."""
FRONT_PAGE = "index.html"

_MEDIA_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8"}
"""What the site's pages are made of; nothing else that lies there is served."""

# One name of a path: no separator of any system, no leading dot, nothing a terminal or a log would choke on.
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,:+= -]*")


class NoSuchPageError(LookupError):
    """Raised when the site has no such page, or the path is not one of a page."""


@dataclass(frozen=True)
class DocsFile:
    """One file of the site, as the browser gets it."""

    content: bytes
    media_type: str


class DocsSite:
    """A Data Docs site.

    Parameters
    ----------
    root
        Folder or object prefix of the site.
    """

    def __init__(self, root: Path | UPath) -> None:
        self.root = root

    @classmethod
    def of_lake(cls, lake_uri: str) -> Self:
        """The site of a lake."""
        root = UPath(lake_uri) / SITE_FOLDER
        return cls(Path(root.path) if root.protocol in ("", "file") else root)

    def read(self, path: str) -> DocsFile:
        """The file at `path`, relative to the site and already decoded; the front page where it is empty.

        Raises
        ------
        NoSuchPageError
            When there is none, or the path leaves the site by a name or by a link.
        """
        names = (path or FRONT_PAGE).split("/")
        media_type = _MEDIA_TYPES.get(PurePosixPath(names[-1]).suffix)
        if media_type is None or not all(_SAFE_NAME.fullmatch(name) for name in names):
            raise NoSuchPageError("Data Docs has no such page")
        try:
            return DocsFile(self._inside(names).read_bytes(), media_type)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
            raise NoSuchPageError("Data Docs has no such page") from error

    def _inside(self, names: list[str]) -> Path | UPath:
        """The file itself, once links are followed; object stores have none."""
        if not isinstance(self.root, Path):
            return self.root.joinpath(*names)
        file = self.root.joinpath(*names).resolve(strict=True)
        if not file.is_relative_to(self.root.resolve(strict=True)):
            raise FileNotFoundError(f"{file} lies outside of the site")
        return file
