"""Plans: which data files hold a table's rows, parsed once in a process for all who read.

A manifest and a list of manifests never change under their names, which hold a number that is drawn anew for each
commit. So what was parsed of them is kept by the name and cannot be stale: a commit brings new names, and a table that
went on keeps the manifests that the commit left alone. Parsing a thousand nights takes 60 ms, and a page reads ten
tables, each beside the manifest of nights that it looks at twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import chain

from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.utils.concurrent import ExecutorFactory

from include.lake.data_files import (
    foreign_file,
    may_hold_nights,
    night_column,
    night_of,
    said_run_key,
    version_of,
)
from include.lake.kept import Kept

_MOST_FILES = 100_000
"""Files kept: a thousand nights of the lake's forty tables and their masked ones, half a kilobyte each."""
_MOST_MANIFESTS = 10_000
"""Manifests kept in lists: one a month and table in a maintained lake, and those of the commits since."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """What a reader needs to know of a data file.

    Attributes
    ----------
    path
        Address of the file.
    night
        Night of its rows; `date.min` in a static relation.
    run_key
        Key of the run that wrote it; None where its metadata do not say.
    version
        Key version of its rows; None in a table without pseudonyms.
    row_count
        Number of rows.
    """

    path: str
    night: date
    run_key: str | None
    version: int | None
    row_count: int

    def of_night(self) -> tuple[date, str]:
        """The night and the run that wrote the file.

        Raises
        ------
        TerminalError
            When the file does not say who wrote it, which means that the lake did not.
        """
        if self.run_key is None:
            raise foreign_file(self.path)
        return self.night, self.run_key


_LISTS: Kept[ManifestFile] = Kept(_MOST_MANIFESTS)
_FILES: Kept[PlannedFile] = Kept(_MOST_FILES)


def planned_files(table: IcebergTable, first: date | None = None, last: date | None = None) -> list[PlannedFile]:
    """The data files of the nights from `first` to `last`, for whoever reads them; writers need `data_files`."""
    snapshot = table.current_snapshot()
    if snapshot is None:
        return []
    manifests = _LISTS.get(snapshot.manifest_list, lambda: snapshot.manifests(table.io))
    files = chain.from_iterable(_files_in(table, manifests, first, last))
    if not night_column(table):
        return [*files]
    low, high = first or date.min, last or date.max
    return [file for file in files if low <= file.night <= high]


def _files_in(
    table: IcebergTable, manifests: Iterable[ManifestFile], first: date | None, last: date | None
) -> Iterable[tuple[PlannedFile, ...]]:
    known = [(manifest, _FILES.find(manifest.manifest_path)) for manifest in manifests]
    missing = [manifest for manifest, files in known if files is None]
    if missing:
        # Whether a manifest may name a night takes as long to find out as to go through its files once they are kept.
        may_hold = may_hold_nights(table, first, last)
        missing = [manifest for manifest in missing if may_hold(manifest)]
    yield from (files for _, files in known if files is not None)
    # An object store answers several questions in the time of one.
    yield from ExecutorFactory.get_or_create().map(lambda manifest: _parsed(table, manifest), missing)


def _parsed(table: IcebergTable, manifest: ManifestFile) -> tuple[PlannedFile, ...]:
    return _FILES.get(
        manifest.manifest_path,
        lambda: [_planned(table, entry.data_file) for entry in manifest.fetch_manifest_entry(table.io)],
    )


def _planned(table: IcebergTable, file: DataFile) -> PlannedFile:
    night = night_of(file) if night_column(table) else date.min
    return PlannedFile(file.file_path, night, said_run_key(table, file), version_of(table, file), file.record_count)
