"""A Parquet file of reviews cut down to what is read of it: the columns of reviews, and no more than fits.

A few kilobytes of Parquet may stand for terabytes: a long text that a million rows share is stored once.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.errors import SourceError
from include.relations import Relation

MOST_ROWS = 500_000
"""As many lines as the shortest reviews of a text file of the largest size allowed have."""
MOST_DECODED_BYTES = 256 << 20
"""Of the columns read: sixteen times the largest file, more than texts of people are ever compressed."""


def plain_parquet(data: bytes, relation: Relation) -> bytes:
    """The file with the relation's columns alone; whatever type another column has costs nothing.

    Where a required column is missing only the names come along, for the reader to say which.

    Raises
    ------
    SourceError
        When it is no whole Parquet file, or has more rows or longer texts than are read.
    """
    try:
        names = pq.read_schema(pa.BufferReader(data)).names
        wanted = [name for name in names if name.strip().lower() in relation.schema.names]
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=wanted)
        _require_bounded(file, wanted)
        table = file.read(columns=wanted) if _has_all(wanted, relation) else file.schema_arrow.empty_table()
        return _written(_decoded(table))
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"it is no whole Parquet file with columns of text, whole numbers and times ({type(error).__name__}): "
            "write it again"
        ) from error


def _has_all(wanted: Iterable[str], relation: Relation) -> bool:
    found = {name.strip().lower() for name in wanted}
    return all(column.name in found for column in relation.columns if not column.optional)


def _require_bounded(file: pq.ParquetFile, wanted: list[str]) -> None:
    if file.metadata.num_rows > MOST_ROWS:
        raise SourceError(f"it has {file.metadata.num_rows:,} rows, at most {MOST_ROWS:,} are read: cut it")
    groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
    columns = [group.column(n) for group in groups for n in range(group.num_columns)]
    _require_fitting(c.total_uncompressed_size for c in columns if c.path_in_schema in wanted)


def _decoded(table: pa.Table) -> pa.Table:
    _require_fitting(_text_bytes(chunk) for column in table.columns for chunk in column.chunks)
    plain = [
        pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
        for field in table.schema
    ]
    return table.cast(pa.schema(plain))


def _text_bytes(chunk: pa.Array) -> int:
    """How long the texts of a chunk are, row by row, before the shared ones are written out."""
    if not pa.types.is_dictionary(chunk.type):
        return int(chunk.nbytes)
    lengths = pc.binary_length(chunk.dictionary)
    return int(pc.sum(lengths.take(chunk.indices).cast(pa.int64())).as_py() or 0)


def _require_fitting(sizes: Iterable[int]) -> None:
    if sum(sizes) > MOST_DECODED_BYTES:
        raise SourceError(f"its texts unfold to more than {MOST_DECODED_BYTES:,} bytes, which is not read: cut it")


def _written(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
