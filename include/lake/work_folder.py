"""Where the steps of a run hand tables and figures to each other: Parquet and JSON under the lake's `_work`.

Records lie there in the clear. A run removes its folder at its end; those that ended runs left behind are removed by
later ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from include.errors import MissingStateError, PublishError
from include.security.private import make_private

WORK = "_work"
"""Folder of the lake that holds the work folders."""

ABANDONED_AFTER = timedelta(days=1)
"""A run is ended after six hours (`dagrun_timeout`); the rest of a day is for a person to look and clear it."""

_OPENED = "opened"
# A name of dots alone would be a folder above the run's own.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+|^\.*$|^\.+")


def folder_name(run: str) -> str:
    """A run's name as a folder may bear it: letters, digits, `_`, `.` and `-`.

    >>> folder_name("manual__2024-01-31T00:00:00+00:00"), folder_name("..")
    ('manual__2024-01-31T00-00-00-00-00', '-')
    """
    return _UNSAFE.sub("-", run)


class WorkFolder:
    """One run's work folder; every step overwrites what an earlier try of it left.

    Parameters
    ----------
    folder
        A folder or object prefix of this run alone.
    """

    def __init__(self, folder: UPath) -> None:
        self.folder = folder

    @classmethod
    def at(cls, lake_uri: str, group: str, run: str) -> Self:
        """The folder of one run among those of its group: a night's, or the selections'."""
        return cls(UPath(lake_uri) / WORK / group / run)

    def begin(self) -> None:
        """Make the folder anew, empty.

        Raises
        ------
        PublishError
            When there is no room for it.
        """
        self.clear()
        with _room_for(self.folder):
            # Records lie here in the clear until the run has come to its end.
            make_private(self.folder)
        self.note(_OPENED, {"at": datetime.now(UTC)})

    def put(self, name: str, table: pa.Table) -> None:
        """Keep a table under `name`.

        Raises
        ------
        PublishError
            When there is no room for it.
        """
        path = self.folder / f"{name}.parquet"
        with _room_for(path), _anew(path) as sink:
            pq.write_table(table, sink)

    def get(self, name: str) -> pa.Table:
        """The table kept under `name`.

        Raises
        ------
        MissingStateError
            When there is none: the steps before did not run, or the folder was removed since.
        """
        path = self.folder / f"{name}.parquet"
        with _kept(path), path.open("rb") as origin:
            return pq.read_table(pa.py_buffer(origin.read()))

    def has(self, name: str) -> bool:
        """Whether a table is kept under `name`."""
        return bool((self.folder / f"{name}.parquet").exists())

    def put_many(self, prefix: str, tables: dict[str, pa.Table]) -> None:
        """Keep several tables under `prefix`, and which they were."""
        for name, table in tables.items():
            self.put(f"{prefix}.{name}", table)
        self.note(prefix, sorted(tables))

    def get_many(self, prefix: str) -> dict[str, pa.Table]:
        """The tables kept by `put_many`."""
        return {name: self.get(f"{prefix}.{name}") for name in self.read_note(prefix)}

    def note(self, name: str, value: Any) -> None:  # noqa: ANN401 - JSON has no narrower type
        """Keep figures under `name`; dates become text."""
        path = self.folder / f"{name}.json"
        with _room_for(path), _anew(path) as sink:
            sink.write(json.dumps(value, default=str, sort_keys=True).encode())

    def has_note(self, name: str) -> bool:
        """Whether figures are kept under `name`."""
        return bool((self.folder / f"{name}.json").exists())

    def read_note(self, name: str) -> Any:  # noqa: ANN401 - JSON has no narrower type
        """The figures kept under `name`.

        Raises
        ------
        MissingStateError
            As for `get`.
        """
        path = self.folder / f"{name}.json"
        with _kept(path):
            return json.loads(path.read_text(encoding="utf-8"))

    def clear(self) -> None:
        """Remove what an earlier try left, or what a run that came to its end needs no longer."""
        # Another run may be removing the same abandoned folder.
        with suppress(FileNotFoundError):
            if self.folder.exists():
                self.folder.fs.rm(self.folder.path, recursive=True)


def clear_abandoned(lake_uri: str) -> None:
    """Remove the work folders of runs that began more than `ABANDONED_AFTER` ago and never came to their end."""
    work = UPath(lake_uri) / WORK
    for group in _children(work):
        for folder in _children(group):
            if _is_abandoned(folder):
                WorkFolder(folder).clear()


def _children(folder: UPath) -> list[UPath]:
    return [child for child in folder.iterdir() if child.is_dir()] if folder.exists() else []


def _is_abandoned(folder: UPath) -> bool:
    """Whether the folder says when it was opened, and that was long ago; one being made or removed does not say."""
    try:
        opened = json.loads((folder / f"{_OPENED}.json").read_text(encoding="utf-8"))["at"]
    except (OSError, ValueError):
        return False
    return datetime.now(UTC) - datetime.fromisoformat(opened) > ABANDONED_AFTER


def _anew(path: UPath) -> IO[bytes]:
    """A new file in the place of what is there; a link that was laid there goes, and what it leads to stays."""
    if path.protocol not in ("", "file"):
        return path.open("wb")
    local = Path(path.path)
    local.unlink(missing_ok=True)
    return local.open("xb")


@contextmanager
def _room_for(path: UPath) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PublishError(
            f"the run's work folder could not take {path.name} ({error}): nothing was published by this step; see "
            f"that the disk under {path.parent} has room and may be written to, and run it again"
        ) from error


@contextmanager
def _kept(path: UPath) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise MissingStateError(
            f"the run's work folder holds no {path.name}: it is removed at the run's end, and a day after a run that "
            "failed. Start again from the run's first step (in Airflow: clear the run from its first task on)"
        ) from error
