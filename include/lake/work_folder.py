"""Work folders, in which the steps of a run pass tables and figures on: Parquet and JSON under the lake's `_work`.

Records are stored there unencrypted. A run removes its folder when it ends; folders that killed runs left behind are
removed by later runs.
"""

from __future__ import annotations

import io
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
from include.paths import folders_in, is_object, names_in, path_of
from include.security.private import make_private
from include.whole_file import content_of, write_whole

WORK = "_work"
"""Name of the lake's folder that holds the work folders."""

ABANDONED_AFTER = timedelta(days=1)
"""Age at which a work folder counts as abandoned: a run is ended after six hours (`dagrun_timeout`), and the rest of a
day is left for a person to look at it and clear the run."""

_OPENED = "opened"
# A name of dots alone would be a folder above the run's own.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+|^\.*$|^\.+")


def folder_name(run: str) -> str:
    """A run's name as the name of a folder: letters, digits, `_`, `.` and `-`.

    >>> folder_name("manual__2024-01-31T00:00:00+00:00"), folder_name("..")
    ('manual__2024-01-31T00-00-00-00-00', '-')
    """
    return _UNSAFE.sub("-", run)


class WorkFolder:
    """The work folder of one run; every step overwrites the results of its earlier attempts.

    Parameters
    ----------
    folder
        Folder or object prefix that only this run uses.
    """

    def __init__(self, folder: UPath) -> None:
        self.folder = folder

    @classmethod
    def at(cls, lake_uri: str, group: str, run: str) -> Self:
        """The folder of one run within its group, which is a night's runs or the selections."""
        return cls(path_of(lake_uri) / WORK / group / run)

    def begin(self) -> None:
        """Create the folder; an existing one is emptied.

        Raises
        ------
        PublishError
            When there is no room for it.
        """
        self.clear()
        with _room_for(self.folder):
            # Records lie here unencrypted until the run ends.
            make_private(self.folder)
        self.note(_OPENED, {"at": datetime.now(UTC)})

    def put(self, name: str, table: pa.Table) -> None:
        """Store a table under `name`.

        Raises
        ------
        PublishError
            When there is no room for it.
        """
        path = self.folder / f"{name}.parquet"
        with _room_for(path), _anew(path) as sink:
            pq.write_table(table, sink)

    def get(self, name: str) -> pa.Table:
        """The table stored under `name`.

        Raises
        ------
        MissingStateError
            When there is none, because the earlier steps did not run or the folder was removed since.
        """
        path = self.folder / f"{name}.parquet"
        with _kept(path):
            return pq.read_table(pa.py_buffer(content_of(path)))

    def has(self, name: str) -> bool:
        """Whether a table is stored under `name`."""
        return bool((self.folder / f"{name}.parquet").exists())

    def put_many(self, prefix: str, tables: dict[str, pa.Table]) -> None:
        """Store several tables under `prefix`, with a list of their names."""
        for name, table in tables.items():
            self.put(f"{prefix}.{name}", table)
        self.note(prefix, sorted(tables))

    def get_many(self, prefix: str) -> dict[str, pa.Table]:
        """The tables that `put_many` stored, by name."""
        return {name: self.get(f"{prefix}.{name}") for name in self.read_note(prefix)}

    def note(self, name: str, value: Any) -> None:  # noqa: ANN401 - JSON has no narrower type
        """Store figures under `name` as JSON; dates become text."""
        path = self.folder / f"{name}.json"
        with _room_for(path), _anew(path) as sink:
            sink.write(json.dumps(value, default=str, sort_keys=True).encode())

    def has_note(self, name: str) -> bool:
        """Whether figures are stored under `name`."""
        return bool((self.folder / f"{name}.json").exists())

    def read_note(self, name: str) -> Any:  # noqa: ANN401 - JSON has no narrower type
        """The figures stored under `name`.

        Raises
        ------
        MissingStateError
            When there are none, as for `get`.
        """
        path = self.folder / f"{name}.json"
        with _kept(path):
            return json.loads(content_of(path))

    def clear(self) -> None:
        """Remove the folder: what an earlier attempt left, or what a finished run no longer needs."""
        # Another run may be removing the same abandoned folder.
        with suppress(FileNotFoundError):
            if self.folder.exists():
                # Notes first: a folder that is only half removed then holds nothing that a step could take for whole.
                for name in names_in(self.folder):
                    if name.endswith(".json") and name != f"{_OPENED}.json":
                        (self.folder / name).unlink(missing_ok=True)
                self.folder.fs.rm(self.folder.path, recursive=True)


def clear_abandoned(lake_uri: str) -> None:
    """Remove the work folders of runs that began more than `ABANDONED_AFTER` ago and never ended properly."""
    work = path_of(lake_uri) / WORK
    for group in folders_in(work):
        for folder in folders_in(group):
            if _is_abandoned(folder):
                WorkFolder(folder).clear()


def _is_abandoned(folder: UPath) -> bool:
    """Whether the folder records that it was opened long ago; a folder being created or removed records nothing."""
    try:
        opened = json.loads((folder / f"{_OPENED}.json").read_text(encoding="utf-8"))["at"]
    except (OSError, ValueError):
        return False
    return datetime.now(UTC) - datetime.fromisoformat(opened) > ABANDONED_AFTER


@contextmanager
def _anew(path: UPath) -> Iterator[IO[bytes]]:
    """A new file at a path; a link that lies there is replaced, and its target stays untouched.

    An object appears when the block has ended well. A stream to it would end as a whole object however it ended.
    """
    if is_object(path):
        sink = io.BytesIO()
        yield sink
        write_whole(path, sink.getvalue())
        return
    local = Path(path.path)
    local.unlink(missing_ok=True)
    with local.open("xb") as file:
        yield file


@contextmanager
def _room_for(path: UPath) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PublishError(
            f"the run's work folder could not take {path.name} ({error}): nothing was published by this step; see "
            f"that the disk under {path.parent} has room and may be written to, and run it again",
            place=str(path),
        ) from error


@contextmanager
def _kept(path: UPath) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise MissingStateError(
            f"the run's work folder holds no {path.name}: it is removed at the run's end, and a day after a run that "
            "failed. Start again from the run's first step (in Airflow: clear the run from its first task on)",
            place=str(path),
        ) from error
