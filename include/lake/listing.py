"""The published files of a table: which nights they hold, of which runs, and their rows, some nights at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Self

import pyarrow as pa
import pyarrow.dataset as ds
from pyiceberg.table import Table as IcebergTable

from include.lake.data_files import read_paths
from include.lake.plans import PlannedFile


@dataclass(frozen=True)
class NightFiles:
    """The files with a table's published rows of one night; a file never changes.

    Attributes
    ----------
    run_key
        Key of the run that is published.
    paths
        Addresses of the files, sorted.
    row_count
        Number of rows.
    """

    run_key: str
    paths: tuple[str, ...]
    row_count: int

    @property
    def names(self) -> tuple[str, ...]:
        """The files' names, which no two files share, wherever the lake lies."""
        return tuple(PurePosixPath(path).name for path in self.paths)


@dataclass(frozen=True)
class Listing:
    """What readers see of a table over some nights, as of one moment, found from the metadata alone.

    Attributes
    ----------
    schema
        Columns of the table.
    nights
        Files of each night that has rows.
    table
        The table; None where the lake has none.
    """

    schema: pa.Schema
    nights: Mapping[date, NightFiles]
    table: IcebergTable | None

    @classmethod
    def of(cls, schema: pa.Schema, table: IcebergTable | None, files: Iterable[PlannedFile]) -> Self:
        """The listing of a table that is partitioned by night."""
        by_night: dict[date, list[PlannedFile]] = {}
        for file in files:
            by_night.setdefault(file.night, []).append(file)
        return cls(schema, {night: _files(by_night[night]) for night in sorted(by_night)}, table)

    def fitting(self, most_rows: int) -> list[date]:
        """The newest nights that have no more rows together, oldest first; the newest one in any case."""
        fitting: list[date] = []
        rows = 0
        for night in sorted(self.nights, reverse=True):
            rows += self.nights[night].row_count
            if fitting and rows > most_rows:
                break
            fitting.append(night)
        return fitting[::-1]

    def read(
        self,
        nights: Iterable[date],
        columns: Iterable[str] | None = None,
        where: ds.Expression | None = None,
        most_rows: int | None = None,
    ) -> pa.Table:
        """The rows of some nights.

        Parameters
        ----------
        nights
            The nights; those without rows are passed over.
        columns
            Names of the columns; all when None.
        where
            Condition on the columns that are read; all rows when None.
        most_rows
            Largest number of rows, the first ones of the files; all when None.

        Raises
        ------
        OSError
            When a file is gone: a publication, an erasure or maintenance removed it since.
        """
        paths = [path for night in nights if night in self.nights for path in self.nights[night].paths]
        wanted = self.schema if columns is None else pa.schema([self.schema.field(name) for name in columns])
        return wanted.empty_table() if self.table is None else read_paths(self.table, paths, wanted, where, most_rows)


def _files(files: list[PlannedFile]) -> NightFiles:
    _, run_key = files[0].of_night()
    return NightFiles(run_key, tuple(sorted(file.path for file in files)), sum(file.row_count for file in files))
