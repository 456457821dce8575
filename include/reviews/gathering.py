"""Merges the small files that the console writes, one per request, before a night reads them.

Reading, sealing and moving a file costs tens of milliseconds however small it is, and a busy day leaves thousands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from include.reviews.drop import MOST_BYTES, WRITTEN, as_parquet, content_of, files_in, written_on
from include.sources.files.parquet import read_bounded
from include.whole_file import write_whole

MOST_ROWS = 20_000
"""Largest number of rows in one merged file."""
# Largest unpacked size of a merged file, so that it stays below the limit for reading one file.
_MOST_UNPACKED = MOST_BYTES // 2

_Piece = tuple[UPath, pa.Table]


def gather(inbox: UPath, night: date) -> None:
    """Merge the files that the console wrote up to the night's end; files that cannot be merged stay as they are.

    A merged file is named by its content and written before its pieces are removed. A process that ends in between
    leaves the same reviews twice, and they are taken in once.
    """
    with suppress(OSError):
        pieces = [path for path in files_in(inbox, night) if written_on(path) is not None]
        for group in _groups(pieces):
            with suppress(Exception):  # as below: a failure costs a night some time, but no review
                _lay_together(inbox, group)


def _groups(paths: list[UPath]) -> Iterator[list[_Piece]]:
    group: list[_Piece] = []
    rows = size = 0
    for path, table in _readable(paths):
        if group and (rows + table.num_rows > MOST_ROWS or size + table.nbytes > _MOST_UNPACKED):
            yield group
            group, rows, size = [], 0, 0
        group.append((path, table))
        rows, size = rows + table.num_rows, size + table.nbytes
    if group:
        yield group


def _readable(paths: list[UPath]) -> Iterator[_Piece]:
    for path in paths:
        # One file must not stop the night, and readers of file formats raise errors of many types.
        with suppress(Exception):
            data = content_of(path)
            if _is_a_piece(pq.ParquetFile(pa.BufferReader(data))):
                yield path, read_bounded(data, WRITTEN.names, path.name)


def _is_a_piece(file: pq.ParquetFile) -> bool:
    """Whether the console wrote a file, as far as can be seen before any of its values is unpacked."""
    return bool(file.schema_arrow.equals(WRITTEN)) and file.metadata.num_rows <= MOST_ROWS


def _lay_together(inbox: UPath, group: list[_Piece]) -> None:
    if len(group) < 2:
        return
    content = as_parquet(pa.concat_tables([table for _, table in group]))
    stem = group[0][0].name.partition("-")[0]
    write_whole(inbox / f"{stem}-gathered-{hashlib.sha256(content).hexdigest()[:16]}.parquet", content)
    for path, _ in group:
        with suppress(FileNotFoundError):
            path.unlink()
