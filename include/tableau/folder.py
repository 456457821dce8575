"""The folder of the extracts: which files it holds, of which runs, and how a finished file comes into it."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from upath import UPath

from include.errors import ExtractError
from include.paths import names_in, path_of
from include.security.private import make_private
from include.whole_file import put_whole, read_whole, write_whole

MASKED_FOLDER = "extracts"
"""Folder of the lake with the extracts for masked readers."""
UNMASKED_FOLDER = "extracts_unmasked"
"""Folder of the lake with extracts that name accounts and clients; nothing is written there unless it is asked for."""

LIST_FILE = "extracts.json"
"""List of the extracts: by file its nights with their runs, the digest of its content, its rows by table."""
ROLLING = "rolling.hyper"
"""Name of the extract with all nights that are kept; the workbook opens it."""
_DRAFT = ".draft-"
_EXTRACT = re.compile(r"\d{4}-\d{2}-\d{2}\.hyper", re.ASCII)

Entry = Mapping[str, Any]


def extract_of(night: date) -> str:
    """Name of a night's extract."""
    return f"{night}.hyper"


@dataclass(frozen=True)
class ExtractFolder:
    """The folder of one kind of extracts in a lake.

    Everything in it may be deleted at any time: what is missing is written again, from the lake.

    Attributes
    ----------
    path
        Folder or object prefix.
    """

    path: UPath

    @classmethod
    def of(cls, lake_uri: str, *, is_masked: bool) -> Self:
        """The folder of the extracts for one kind of readers."""
        return cls(path_of(lake_uri) / (MASKED_FOLDER if is_masked else UNMASKED_FOLDER))

    @property
    def _is_local(self) -> bool:
        return self.path.protocol in ("", "file")

    def entries(self) -> dict[str, Entry]:
        """What the list says of each file that is there; a list that cannot be read says nothing."""
        try:
            listed = json.loads((self.path / LIST_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        there = set(names_in(self.path))
        return {name: entry for name, entry in listed.items() if name in there}

    def keep_only(self, names: Iterable[str]) -> list[str]:
        """Remove the extracts of other nights and return their names; files of other names are somebody else's."""
        others = sorted({name for name in names_in(self.path) if _EXTRACT.fullmatch(name)} - set(names))
        for name in others:
            (self.path / name).unlink(missing_ok=True)
        return others

    def note(self, entries: Mapping[str, Entry]) -> None:
        """Write the list.

        Raises
        ------
        ExtractError
            When there is no room for it.
        """
        self.put(LIST_FILE, json.dumps(entries, indent=2, sort_keys=True).encode())

    def put(self, name: str, content: bytes) -> None:
        """Write a small file, unless it holds this content already.

        Raises
        ------
        ExtractError
            When there is no room for it.
        """
        file = self.path / name
        with self._room_for(name):
            make_private(file.parent)
            found = read_whole(file)
            if found is None or found.content != content:
                write_whole(file, content)

    @contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """The path of a draft on this machine, which replaces a file in one step if the block ends well.

        Raises
        ------
        ExtractError
            When there is no room for it; the file is as it was.
        """
        with self._room_for(name):
            make_private(self.path)
            folder = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self.path.path if self._is_local else None))
        try:
            yield folder / name
            with self._room_for(name):
                put_whole(self.path / name, folder / name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def clear_drafts(self) -> None:
        """Remove what killed runs left; only one process at a time writes extracts of a lake."""
        if self._is_local and self.path.exists():
            for left in Path(self.path.path).glob(f"{_DRAFT}*"):
                shutil.rmtree(left, ignore_errors=True)

    @contextmanager
    def _room_for(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ExtractError(
                f"{self.path} could not take {name} ({error}), and the file before stays: see that there is room and "
                "that it may be written to, then write the extracts again (python -m include extract)",
                place=str(self.path),
            ) from error
