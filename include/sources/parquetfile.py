"""One relation out of one Parquet file: its columns as text, typed and judged like any other file's."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.errors import SourceError
from include.relations import Relation
from include.sources.counting import as_json
from include.sources.dialects import Dialect
from include.sources.header import layout_of_header
from include.sources.textfile import FileRecords

# Doubles carry binary noise (0.1 + 0.2) far below a cent: four decimals keep a wrong third one and drop the noise.
_FLOAT_TEXT = pa.decimal128(38, 4)


def read_parquet(data: bytes, relation: Relation, dialect: Dialect, file: str) -> FileRecords:
    """The records of a Parquet file; a record's line is its row.

    Raises
    ------
    SourceError
        When it is no whole Parquet file, lacks a column, or a column's type has no text.
    """
    table = _table(data, relation, file)
    layout = layout_of_header(table.column_names, relation, dialect, file)
    texts = {
        name: _as_text(table.column(position).combine_chunks(), table.column_names[position], relation, file)
        for name, position in layout.positions.items()
    }
    return FileRecords(texts, np.arange(1, table.num_rows + 1), as_json(table), (), layout.notes)


def _table(data: bytes, relation: Relation, file: str) -> pa.Table:
    if not data:
        raise SourceError(f"{file} ({relation.name}) is empty: deliver it again")
    try:
        # Spark's old timestamps span more years than nanoseconds do.
        parquet = pq.ParquetFile(pa.BufferReader(data), coerce_int96_timestamp_unit="us")
        return _with_moments(parquet.read(), parquet)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"{file} ({relation.name}) is no whole Parquet file ({error}): write it again, a cut one cannot be read"
        ) from error


def _with_moments(table: pa.Table, parquet: pq.ParquetFile) -> pa.Table:
    """The table, its columns of the old type INT96 as moments: Spark writes them in UTC without saying so."""
    written = {
        parquet.schema.column(n).path: parquet.schema.column(n).physical_type for n in range(len(parquet.schema))
    }
    for position, name in enumerate(table.column_names):
        if written.get(name) == "INT96":
            table = table.set_column(position, name, pc.assume_timezone(table.column(position), "UTC"))
    return table


def _as_text(column: pa.Array, name: str, relation: Relation, file: str) -> pa.Array:
    try:
        if pa.types.is_floating(column.type):
            return _float_text(column)
        if pa.types.is_timestamp(column.type) and column.type.tz:
            # The moment itself, whatever zone the file shows it in.
            column = pc.cast(column, pa.timestamp(column.type.unit, "UTC"))
        return pc.cast(column, pa.string())
    except pa.ArrowException as error:
        raise SourceError(
            f"{file} ({relation.name}): column {name!r} is {column.type}, which is no plain value ({error})"
        ) from error


def _float_text(column: pa.Array) -> pa.Array:
    """Decimal digits of finite figures that fit, the number's own text otherwise (`inf`, `nan`, `1e+40`)."""
    column = pc.cast(column, pa.float64())
    plain = pc.and_(pc.is_finite(column), pc.less(pc.abs(column), 1e15))
    digits = pc.cast(pc.cast(pc.if_else(plain, column, None), _FLOAT_TEXT), pa.string())
    return pc.if_else(plain, digits, pc.cast(column, pa.string()))
