"""Prepares rows for a table: it checks columns, types and night, and adds the key of the run that writes them."""

from __future__ import annotations

import hashlib
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from include.errors import TerminalError
from include.lake.tables import RUN_KEY, Table


def keyed_rows(table: Table, rows: pa.Table, run_key: str) -> pa.Table:
    """The rows in the table's columns and types, each with the run's key.

    Raises
    ------
    TerminalError
        When the rows lack a column or hold a value that does not fit its type.
    """
    content = [name for name in table.schema.names if name != RUN_KEY.name]
    missing = [name for name in content if name not in rows.column_names]
    if missing:
        raise TerminalError(
            f"rows for the table {table.name} lack {', '.join(missing)}; it has the columns {', '.join(content)}",
            table=table.name,
            run_key=run_key,
        )
    keys = pa.repeat(pa.scalar(run_key, RUN_KEY.type), rows.num_rows)
    keyed = rows.select(content).append_column(RUN_KEY, keys).select(table.schema.names)
    try:
        return keyed.cast(table.schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise TerminalError(
            f"rows for the table {table.name} do not fit its columns: {error}", table=table.name, run_key=run_key
        ) from error


def check_night(table: Table, rows: pa.Table, night: date) -> None:
    """Check that every row is of the night that is replaced; the next replacement would double other nights' rows.

    Raises
    ------
    TerminalError
        When a row is of another night.
    """
    others = rows.filter(pc.field(table.night_column) != pa.scalar(night)).num_rows
    blank = rows[table.night_column].null_count
    if others or blank:
        raise TerminalError(
            f"{others + blank} of {rows.num_rows} rows for the night {night} of the table {table.name} have another "
            f"{table.night_column} or none: a night replaces its own rows and no others",
            table=table.name,
            night=night,
        )


def content_digest(table: Table, rows: pa.Table) -> str:
    """SHA-256 of the rows in the table's own order, whoever wrote them.

    Static relations are flat, and CSV writes a flat table in only one way: null is nothing, an empty text is `""`.
    """
    content = rows.drop_columns([RUN_KEY.name]).sort_by([(name, "ascending") for name in table.order_by])
    digest = hashlib.sha256()
    pyarrow.csv.write_csv(content, pa.PythonFile(_Hashed(digest), mode="w"))
    return digest.hexdigest()


class _Hashed:
    """A writable file that only feeds a digest."""

    closed = False

    def __init__(self, digest: hashlib._Hash) -> None:
        self._digest = digest

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: everything written is in the digest already."""

    def close(self) -> None:
        self.closed = True
