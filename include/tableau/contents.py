"""What an extract holds: the marts, as masked readers see them or in full, and their rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from include.errors import ExtractError, TerminalError
from include.lake import Lake, Table
from include.lake.tables import RUN_KEY, VERSION_COLUMN
from include.marts import MART_TABLES, MASKED_MARTS

FINDINGS, NIGHTS, DISTRICT_MONTHS = "mart_findings", "mart_nights", "mart_district_months"
MARTS = (
    FINDINGS,
    NIGHTS,
    "mart_account_days",
    DISTRICT_MONTHS,
    "mart_model_performance",
    "mart_money_days",
)
"""The marts of an extract. The features of each posting are not among them: they are for looking up, in the lake."""

NIGHT_COLUMN = "settlement_date"
# Which run and key wrote a row is the lake's own business; an extract holds what readers see.
_BOOKKEEPING = (RUN_KEY.name, VERSION_COLUMN)
# Version 2 of Hyper's files, which pantab writes, holds numbers of up to as many digits.
_MOST_DIGITS = 18

Runs = Mapping[date, str]
"""Key of the published run of each night."""
Schemas = Mapping[str, pa.Schema]
"""Columns of an extract's tables, by the table's name."""


def table_of(mart: str, *, is_masked: bool) -> Table:
    """The table of a mart that readers of one kind see.

    Masked readers see the masked table of every mart, also of those that are about no one: where money is rounded for
    them, an exact sum would tell what the rounding hides.
    """
    return (MASKED_MARTS if is_masked else MART_TABLES)[mart]


def table_names(*, is_masked: bool) -> tuple[str, ...]:
    """Names of the tables of an extract."""
    return tuple(table_of(mart, is_masked=is_masked).name for mart in MARTS)


def nights_with_marts(lake: Lake, *, is_masked: bool) -> dict[date, str]:
    """Published nights that have marts, in order, each with the key of its run."""
    table = table_of(NIGHTS, is_masked=is_masked)
    rows = lake.read(table, columns=[NIGHT_COLUMN, RUN_KEY.name]).sort_by(NIGHT_COLUMN).to_pylist()
    return {row[NIGHT_COLUMN]: row[RUN_KEY.name] for row in rows}


def read_tables(lake: Lake, runs: Runs, *, is_masked: bool) -> dict[str, pa.Table]:
    """Rows of some nights, by table.

    Parameters
    ----------
    lake
        Lake that holds the marts.
    runs
        Nights to be read, and the published run of each.
    is_masked
        Whether masked readers are to see the rows.

    Raises
    ------
    ExtractError
        When a night was published again or the key of the pseudonyms rotated meanwhile, so that the tables would not
        belong together.
    TerminalError
        When a table has a column that an extract cannot hold.
    """
    version = lake.key_version()
    tables = {table.name: _read(lake, table, runs) for table in (table_of(m, is_masked=is_masked) for m in MARTS)}
    if lake.key_version() != version:
        raise ExtractError(
            f"the key of the pseudonyms was rotated from version {version} while the marts were read, so that their "
            "pseudonyms would differ: write the extracts again"
        )
    return tables


def _read(lake: Lake, table: Table, runs: Runs) -> pa.Table:
    rows = lake.read(table, min(runs), max(runs))
    # Nights in between may not be wanted.
    rows = rows.filter(pc.field(NIGHT_COLUMN).isin(list(runs)))
    _require_runs(table.name, rows, runs)
    shown = rows.drop_columns([column for column in _BOOKKEEPING if column in rows.column_names])
    require_plain(table.name, shown.schema)
    return shown


def _require_runs(name: str, rows: pa.Table, runs: Runs) -> None:
    keys = [NIGHT_COLUMN, RUN_KEY.name]
    held = rows.select(keys).group_by(keys).aggregate([]).to_pylist()
    again = sorted(str(row[NIGHT_COLUMN]) for row in held if runs[row[NIGHT_COLUMN]] != row[RUN_KEY.name])
    if again:
        raise ExtractError(
            f"{', '.join(again)} was published again while {name} was read, so that the extract's tables would not "
            "belong together: write the extracts again",
            table=name,
        )


def require_plain(name: str, schema: pa.Schema) -> None:
    """Refuse columns that Hyper has no type for.

    Raises
    ------
    TerminalError
        Naming every such column.
    """
    unfit = [f"{field.name} ({field.type})" for field in schema if not _is_plain(field.type)]
    if unfit:
        raise TerminalError(
            f"the table {name} has columns that a Tableau extract cannot hold: {', '.join(unfit)}; allowed are texts, "
            f"whole numbers, doubles, decimals of up to {_MOST_DIGITS} digits, dates, times and truth values",
            table=name,
        )


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_decimal(kind):
        return bool(kind.precision <= _MOST_DIGITS)
    kinds = (
        pa.types.is_string,
        pa.types.is_signed_integer,
        pa.types.is_float64,
        pa.types.is_boolean,
        pa.types.is_date32,
        pa.types.is_timestamp,
    )
    return any(is_kind(kind) for is_kind in kinds)


def by_night(tables: Mapping[str, pa.Table], nights: Iterable[date]) -> dict[date, dict[str, pa.Table]]:
    """The rows of each night, by table; those of one night stay in their order."""
    parts = {name: _parts(rows) for name, rows in tables.items()}
    empty = {name: rows.slice(0, 0) for name, rows in tables.items()}
    return {night: {name: parts[name].get(night, empty[name]) for name in tables} for night in nights}


def _parts(rows: pa.Table) -> dict[date, pa.Table]:
    """The rows of each night as slices of one sorted table: filtering for each night would read all of it each time."""
    ordered = rows.take(pc.sort_indices(rows, [(NIGHT_COLUMN, "ascending")])).combine_chunks()
    found: dict[date, pa.Table] = {}
    start = 0
    for count in pc.value_counts(ordered[NIGHT_COLUMN]).to_pylist():
        found[count["values"]] = ordered.slice(start, count["counts"])
        start += count["counts"]
    return found


def content_digest(tables: Mapping[str, pa.Table]) -> str:
    """Hex digest of rows and columns, by which an extract that no longer holds what readers see is found.

    A night's rows may change without another run: by a review, a rotation of the key, an erasure.
    """
    digest = hashlib.sha256()
    for name, rows in tables.items():
        sink = pa.BufferOutputStream()
        pyarrow.csv.write_csv(rows, sink)
        digest.update(f"{name} {len(rows)}\n".encode())
        digest.update(sink.getvalue())
    return digest.hexdigest()
