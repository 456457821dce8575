"""The Data Docs site of a lake: which pages it has, and reading one of them and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from upath import UPath

SITE_FOLDER = "data_docs"
"""Where in the lake the site lies."""

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".otf": "font/otf",
}
"""What a site is made of; nothing else is served. No scripts: its pages' own are blocked (see app.py)."""

# One name of a path: no separator of any system, no leading dot, nothing a terminal or a log would choke on.
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,:+= -]*")


class NoSuchPageError(LookupError):
    """Raised when the site has no such page, or the path is not one of a page."""


@dataclass(frozen=True)
class DocsFile:
    """One file of the site, as the browser gets it."""

    content: bytes
    media_type: str

    def styled(self, console: str) -> bytes:
        """The content; a page gets the console's style sheet, for those it asks other servers for are blocked."""
        link = f'<link rel="stylesheet" href="{console}/static/data_docs.css">'.encode()
        is_page = self.media_type.startswith("text/html")
        return self.content.replace(b"</head>", link + b"</head>", 1) if is_page else self.content


@dataclass(frozen=True)
class DocsPage:
    """One validation's page: the suite that was checked, and the page's path in the site."""

    suite: str
    path: str


class DocsSite:
    """A Data Docs site.

    Parameters
    ----------
    root
        Folder or object prefix of the site.
    """

    def __init__(self, root: UPath | Path) -> None:
        self.root = root

    @classmethod
    def of_lake(cls, lake_uri: str) -> Self:
        """The site of a lake."""
        return cls(UPath(lake_uri) / SITE_FOLDER)

    def read(self, path: str) -> DocsFile:
        """The file at `path`, relative to the site and already decoded.

        Raises
        ------
        NoSuchPageError
            When there is none, or the path leaves the site by a name or by a link.
        """
        media_type = _MEDIA_TYPES.get(Path(path).suffix.lower())
        names = path.split("/")
        if media_type is None or not all(_SAFE_NAME.fullmatch(name) for name in names):
            raise NoSuchPageError("Data Docs has no such page")
        try:
            return DocsFile(self._inside(self.root.joinpath(*names)).read_bytes(), media_type)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
            raise NoSuchPageError("Data Docs has no such page") from error

    def _inside(self, file: UPath | Path) -> UPath | Path:
        """The file itself, once links are followed; object stores have none."""
        if not isinstance(file, Path):
            return file
        resolved = file.resolve(strict=True)
        if not resolved.is_relative_to(Path(self.root).resolve(strict=True)):
            raise FileNotFoundError(f"{file} leads out of the site")
        return resolved

    def nights(self) -> dict[str, list[DocsPage]]:
        """The validations' pages by run name (the night), newest night first."""
        nights: dict[str, list[DocsPage]] = {}
        for page, night in sorted(self._validations(), key=lambda found: found[0].suite):
            nights.setdefault(night, []).append(page)
        return dict(sorted(nights.items(), reverse=True))

    def _validations(self) -> Iterator[tuple[DocsPage, str]]:
        folder = self.root / "validations"
        if not folder.exists():
            return
        # validations/<suite>/<run name>/<time>/<batch>.html is how Great Expectations lays a site out.
        for file in folder.glob("*/*/*/*.html"):
            suite, night = file.parts[-4], file.parts[-3]
            yield DocsPage(suite, "/".join(file.parts[-5:])), night
