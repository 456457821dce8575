"""Data files: each holds one run's rows of one night, and its metadata names the run and the night.

This module writes and reads them instead of pyiceberg's scan, which turns a null list of structs into an empty list
both ways (apache/iceberg-python issue 3833): a transaction without reasons has null reasons.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from functools import lru_cache
from itertools import chain
from typing import cast

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyiceberg.conversions import from_bytes
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.expressions.parser import parse
from pyiceberg.expressions.visitors import manifest_evaluator
from pyiceberg.io.pyarrow import PyArrowFileIO, parquet_file_to_data_file, schema_to_pyarrow
from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import DateType, PrimitiveType
from pyiceberg.utils.concurrent import ExecutorFactory

from include.errors import TerminalError
from include.lake.tables import RUN_KEY, VERSION_COLUMN

_EPOCH = date(1970, 1, 1)


def night_column(table: IcebergTable) -> str:
    """The column that a table is partitioned by; empty for a table that is replaced as a whole."""
    fields = table.spec().fields
    return cast(str, table.schema().find_column_name(fields[0].source_id)) if fields else ""


def data_files(table: IcebergTable, first: date | None = None, last: date | None = None) -> list[DataFile]:
    """The data files of the nights from `first` to `last`, found from the metadata alone.

    pyiceberg's own plan works out for every file what remains of the filter, which nobody asks for here: a plan of a
    thousand nights took 0.25 s and takes 0.06 s so. The lake writes no files of deletions, which it would look for.
    """
    snapshot = table.current_snapshot()
    if snapshot is None:
        return []
    column = night_column(table)
    may_hold = may_hold_nights(table, first, last)
    manifests = [manifest for manifest in snapshot.manifests(table.io) if may_hold(manifest)]
    # An object store answers several questions in the time of one.
    found = ExecutorFactory.get_or_create().map(lambda manifest: manifest.fetch_manifest_entry(table.io), manifests)
    files = [entry.data_file for entry in chain.from_iterable(found)]
    return [file for file in files if not column or (first or date.min) <= night_of(file) <= (last or date.max)]


def may_hold_nights(table: IcebergTable, first: date | None, last: date | None) -> Callable[[ManifestFile], bool]:
    """Function that tells whether a manifest of a table may name files of the nights from `first` to `last`."""
    return manifest_evaluator(table.spec(), table.schema(), _between(night_column(table), first, last))


def night_bounds(table: IcebergTable) -> tuple[date, date] | None:
    """The first and the last night that the list of manifests names; None where it names none."""
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    parts = [part for each in manifests if _holds_files(each) for part in (each.partitions or ())[:1]]
    lows, highs = ([bound for part in parts if (bound := getattr(part, f"{end}_bound"))] for end in ("lower", "upper"))
    return (_day(min(map(_days, lows))), _day(max(map(_days, highs)))) if lows and highs else None


def _holds_files(manifest: ManifestFile) -> bool:
    return manifest.has_added_files() or manifest.has_existing_files()


def _days(bound: bytes) -> int:
    return int(from_bytes(DateType(), bound))


def _day(days: int) -> date:
    return _EPOCH + timedelta(days=days)


@lru_cache(maxsize=64)  # a night asks some two hundred times about few spans, and parsing takes pyiceberg 7 ms
def _between(column: str, first: date | None, last: date | None) -> BooleanExpression:
    bounds = [f"{column} >= '{first}'"] if column and first else []
    bounds += [f"{column} <= '{last}'"] if column and last else []
    return parse(" and ".join(bounds)) if bounds else AlwaysTrue()


def run_key_of(table: IcebergTable, file: DataFile) -> str:
    """The key of the run that wrote a file, from the bounds of its `run_key` column.

    Raises
    ------
    TerminalError
        When the bounds differ or are missing, which means that the lake did not write the file.
    """
    said = said_run_key(table, file)
    if said is None:
        raise foreign_file(file.file_path)
    return said


def said_run_key(table: IcebergTable, file: DataFile) -> str | None:
    """The same; None where the file does not say."""
    if RUN_KEY.name not in table.schema().column_names:
        return None
    column = table.schema().find_field(RUN_KEY.name).field_id
    low, high = (file.lower_bounds or {}).get(column), (file.upper_bounds or {}).get(column)
    return low.decode() if low is not None and low == high else None


def foreign_file(path: str) -> TerminalError:
    """The error about a data file that does not say which run wrote it."""
    return TerminalError(
        f"the data file {path} does not say which run wrote it: a file of the lake holds one run's rows, and the "
        "bounds of its column run_key name that run; undo whatever merged or rewrote the table's files",
        place=path,
    )


def version_of(table: IcebergTable, file: DataFile) -> int | None:
    """The key version of a file's rows, from the bounds of that column; None for a table without pseudonyms."""
    if VERSION_COLUMN not in table.schema().column_names:
        return None
    found = table.schema().find_field(VERSION_COLUMN)
    low = (file.lower_bounds or {}).get(found.field_id)
    return None if low is None else int(from_bytes(cast(PrimitiveType, found.field_type), low))


def night_of(file: DataFile) -> date:
    """The night of a file in a partitioned table."""
    value = file.partition[0]
    return value if isinstance(value, date) else _day(value)


def write_data_file(table: IcebergTable, rows: pa.Table, prefix: str) -> DataFile:
    """Write rows of one run and one night as one Parquet file, which is not yet part of the table.

    A file that could not be written completely is removed, as it would take the room of the retry on a full disk.
    """
    path = table.location_provider().new_data_location(f"{prefix}/{uuid.uuid4()}.parquet")
    schema = schema_to_pyarrow(table.schema().select(*rows.column_names), include_field_ids=True)
    typed = _castable(rows.select(schema.names)).cast(schema)
    try:
        with table.io.new_output(path).create() as stream:
            pq.write_table(typed, stream, compression="zstd", store_schema=False)
        return parquet_file_to_data_file(table.io, table.metadata, path)
    except BaseException:
        with suppress(Exception):
            table.io.delete(path)
        raise


def _castable(rows: pa.Table) -> pa.Table:
    """The rows with copies of their maps: Arrow ends the process when it casts one that a filter has left.

    That is apache/arrow issue 51029, mended after Arrow 25.
    """
    for place, field in enumerate(rows.schema):
        if pa.types.is_map(field.type):
            copies = [pa.concat_arrays([chunk]) for chunk in rows.column(place).chunks]
            rows = rows.set_column(place, field, pa.chunked_array(copies, field.type))
    return rows


def read_data_files(
    table: IcebergTable, files: Iterable[DataFile], schema: pa.Schema, where: ds.Expression | None = None
) -> pa.Table:
    """Read files into one table of the given schema; columns that a file lacks are null.

    `where` is a condition on columns of the schema; without one all rows are read.
    """
    return read_paths(table, (file.file_path for file in files), schema, where)


def read_paths(
    table: IcebergTable,
    paths: Iterable[str],
    schema: pa.Schema,
    where: ds.Expression | None = None,
    most_rows: int | None = None,
) -> pa.Table:
    """The same as `read_data_files`, by the files' paths: for files that no snapshot refers to any more.

    Parameters
    ----------
    table
        Table that the files belong, or belonged, to.
    paths
        Paths of the files.
    schema
        Schema of the result; columns that a file lacks are null.
    where
        Condition on the rows that are read; all when None.
    most_rows
        Largest number of rows, the first ones of the files; all when None.
    """
    places = [PyArrowFileIO.parse_location(path) for path in paths]
    if not places:
        return schema.empty_table()
    filesystem = cast(PyArrowFileIO, table.io).fs_by_scheme(places[0][0], places[0][1])
    ordered: Sequence[str] = sorted(path for _, _, path in places)
    found = ds.dataset(ordered, format="parquet", filesystem=filesystem, schema=schema)
    rows = found.to_table(filter=where) if most_rows is None else found.head(most_rows, filter=where)
    return rows.combine_chunks()
