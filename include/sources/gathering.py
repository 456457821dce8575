"""What the console wrote one request at a time, laid together before a night reads it.

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

from include.errors import SourceError
from include.lake.whole_file import write_whole
from include.sources.reviews import MOST_BYTES, WRITTEN, as_parquet, content_of, files_in, written_on

MOST_ROWS = 20_000
"""Of one gathered file; with the longest reasons allowed they stay well below what is read of a file."""

_Piece = tuple[UPath, pa.Table]


def gather(inbox: UPath, night: date) -> None:
    """Lay together what the console wrote up to the night's end; what fails stays as it was, to be read by itself.

    A gathered file is named by its content and written before the pieces go: ended in between, the same reviews lie
    there twice, and are taken in once.
    """
    with suppress(OSError):
        pieces = [path for path in files_in(inbox, night) if written_on(path) is not None]
        for group in _groups(pieces):
            _lay_together(inbox, group)


def _groups(paths: list[UPath]) -> Iterator[list[_Piece]]:
    group: list[_Piece] = []
    rows = size = 0
    for path, table, bytes_read in _readable(paths):
        if group and (rows + table.num_rows > MOST_ROWS or size + bytes_read > MOST_BYTES // 2):
            yield group
            group, rows, size = [], 0, 0
        group.append((path, table))
        rows, size = rows + table.num_rows, size + bytes_read
    if group:
        yield group


def _readable(paths: list[UPath]) -> Iterator[tuple[UPath, pa.Table, int]]:
    for path in paths:
        with suppress(SourceError, OSError, pa.ArrowException):
            data = content_of(path)
            table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
            if table.schema.equals(WRITTEN):
                yield path, table, len(data)


def _lay_together(inbox: UPath, group: list[_Piece]) -> None:
    if len(group) < 2:
        return
    content = as_parquet(pa.concat_tables([table for _, table in group]))
    stem = group[0][0].name.partition("-")[0]
    write_whole(inbox / f"{stem}-gathered-{hashlib.sha256(content).hexdigest()[:16]}.parquet", content)
    for path, _ in group:
        with suppress(FileNotFoundError):
            path.unlink()
