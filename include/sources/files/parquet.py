"""Reads one relation from one Parquet file, as columns of text that are typed and judged like those of other files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.errors import SourceError
from include.relations import Relation
from include.sources.counting import as_json
from include.sources.dialects import Dialect
from include.sources.files.packing import largest_of
from include.sources.forms import single_precision_note
from include.sources.header import layout_of_header
from include.sources.text.reading import FileRecords
from include.sources.values import DOUBLE_END, plain_digits

# From here on neighbouring numbers of single precision lie more than a cent apart (2^17 / 2^23 = 0.0156).
_CENTS_END = 2**17

# A value is at least this large once it is decoded, a text's length and place among them.
_VALUE_BYTES = 8
_PLAIN_KINDS = (
    pa.types.is_integer,
    pa.types.is_decimal128,
    pa.types.is_string,
    pa.types.is_boolean,
    pa.types.is_date32,
    pa.types.is_time,
)


def read_parquet(
    data: bytes, relation: Relation, dialect: Dialect, file: str, given: Collection[str] = ()
) -> FileRecords:
    """The records of a Parquet file; a record's line is its row. Only the relation's own columns are read.

    Parameters
    ----------
    given
        Columns that the file need not have, since the names of its folders hold them.

    Raises
    ------
    SourceError
        When it is no whole Parquet file, lacks a column, stands for far more than its size, or a column's type has no
        text.
    """
    place = f"{file} ({relation.name})"
    with _reported(place):
        names = pq.ParquetFile(pa.BufferReader(data)).schema_arrow.names
    layout = layout_of_header(names, relation, dialect, file, given)
    with _reported(place):
        table = read_bounded(data, [names[position] for position in layout.positions.values()], place)
        raw = as_json(_as_records(table, place))
    held = {name: names[position] for name, position in layout.positions.items()}
    texts = {name: _as_text(table[own_name], own_name, place) for name, own_name in held.items()}
    notes = (*layout.notes, *single_precision_note(file, _too_coarse(table, held, relation)))
    return FileRecords(texts, np.arange(1, table.num_rows + 1), raw, (), notes)


def _too_coarse(table: pa.Table, held: Mapping[str, str], relation: Relation) -> list[str]:
    """The columns of money in single precision with amounts whose cents it cannot hold."""
    money = [column.name for column in relation.columns if column.kind == "money" and column.name in held]
    single = [name for name in money if table[held[name]].type == pa.float32()]
    return [name for name in single if (pc.max(pc.abs(table[held[name]])).as_py() or 0) >= _CENTS_END]


@contextmanager
def _reported(place: str) -> Iterator[None]:
    """Say that a file is no whole Parquet file, whatever the libraries make of its bytes."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, duckdb.Error) as error:
        raise SourceError(
            f"{place} is no whole Parquet file ({type(error).__name__}): write it again, one that was cut or altered "
            "cannot be read",
            place=place,
        ) from error


def read_bounded(data: bytes, names: list[str], place: str) -> pa.Table:
    """Columns of a Parquet file, moments as such; sound down to the last byte of every text.

    Raises
    ------
    SourceError
        When the columns are far larger than the file.
    Exception
        An exception of any type, when the file is damaged.
    """
    # Spark's old timestamps span more years than nanoseconds do.
    parquet = pq.ParquetFile(pa.BufferReader(data), coerce_int96_timestamp_unit="us")
    _require_bounded(parquet.metadata.num_rows * len(names) * _VALUE_BYTES, data, place)
    _require_bounded(_stated_bytes(parquet.metadata), data, place)
    # Texts stay packed by their distinct values at first: one that a million rows share is stored once.
    texts = [name for name in names if _is_text(parquet.schema_arrow.field(name).type)]
    packed = pq.ParquetFile(
        pa.BufferReader(data),
        coerce_int96_timestamp_unit="us",
        read_dictionary=texts,
        page_checksum_verification=True,
    )
    table = packed.read(columns=names).select(names)
    table.validate(full=True)
    _require_bounded(sum(_bytes_of(chunk) for column in table.columns for chunk in column.chunks), data, place)
    return _with_moments(_unpacked(table, parquet.schema_arrow), parquet)


def _stated_bytes(metadata: pq.FileMetaData) -> int:
    """How long the file is once unpacked, as it says itself; a value that rows share counts once."""
    # Of whole groups of rows: to ask for one column ends the process where the file's statistics are damaged.
    return sum(metadata.row_group(position).total_byte_size for position in range(metadata.num_row_groups))


def _is_text(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))


def _require_bounded(size: int, data: bytes, place: str) -> None:
    largest = largest_of(len(data))
    if size > largest:
        raise SourceError(
            f"{place} stands for {size:,} bytes, more than the {largest:,} that are read of a file of its size: "
            "deliver it in several files, or as CSV",
            place=place,
        )


def _bytes_of(chunk: pa.Array) -> int:
    """How long the values of a chunk are row by row."""
    if not pa.types.is_dictionary(chunk.type) or not _is_text(chunk.type.value_type):
        return int(chunk.nbytes)
    lengths = pc.binary_length(chunk.dictionary)
    return int(pc.sum(lengths.take(chunk.indices).cast(pa.int64())).as_py() or 0)


def _unpacked(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        column.cast(schema.field(name).type) if pa.types.is_dictionary(column.type) else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return pa.table(dict(zip(table.column_names, [c.combine_chunks() for c in columns], strict=True)))


def _with_moments(table: pa.Table, parquet: pq.ParquetFile) -> pa.Table:
    """The table, its columns of the old type INT96 as moments: Spark writes them in UTC without saying so."""
    columns = map(parquet.schema.column, range(len(parquet.schema)))
    written = {column.path: column.physical_type for column in columns}
    for position, name in enumerate(table.column_names):
        if written.get(name) == "INT96":
            table = table.set_column(position, name, pc.assume_timezone(table.column(position), "UTC"))
    return table


def _as_records(table: pa.Table, place: str) -> pa.Table:
    """The table as it is written out: types that not every engine knows, and moments, as text."""
    return pa.table(
        {
            name: column if _is_plain(column.type) else _as_text(column, name, place)
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    )


def _is_plain(kind: pa.DataType) -> bool:
    """Whether every engine writes out a value of the type, and alike on every machine."""
    if pa.types.is_timestamp(kind):
        return kind.tz is None
    return kind in (pa.float32(), pa.float64()) or any(is_kind(kind) for is_kind in _PLAIN_KINDS)


def _as_text(column: pa.ChunkedArray, name: str, place: str) -> pa.Array:
    column = column.combine_chunks()
    try:
        if pa.types.is_float16(column.type):
            column = pc.cast(column, pa.float32())
        if pa.types.is_floating(column.type):
            return _float_text(column)
        if pa.types.is_timestamp(column.type) and column.type.tz:
            # The moment itself, whatever zone the file shows it in.
            column = pc.cast(column, pa.timestamp(column.type.unit, "UTC"))
        return pc.cast(column, pa.string())
    except pa.ArrowException as error:
        raise SourceError(
            f"{place}: column {name!r} is {column.type}, which is no plain value ({error})", place=place
        ) from error


def _float_text(column: pa.Array) -> pa.Array:
    """The shortest text that is the number's own, in digits where a double holds them (`inf`, `1e+40` otherwise)."""
    exact = pc.and_(pc.is_finite(column), pc.less(pc.abs(column), float(DOUBLE_END)))
    text = pc.cast(column, pa.string())
    return pc.if_else(exact, plain_digits(text), text)
