"""What an extract holds: tables of the lake for masked readers, or for those who may see whom, and their rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import ExtractError, MissingStateError, TerminalError
from include.lake import Lake

NIGHTS = "mart_nights"
"""The mart with a row for each night; a night without one has nothing to extract."""
FINDINGS = "mart_findings"
DISTRICT_MONTHS = "mart_district_months"
PERSONAL = (FINDINGS, "mart_account_days", DISTRICT_MONTHS)
"""Marts that masked readers see in another form."""
IMPERSONAL = (NIGHTS, "mart_model_performance", "mart_money_days")
"""Marts that are about no one, and the same for all readers."""

NIGHT_COLUMN = "settlement_date"
_RUN_KEY, _KEY_VERSION = "run_key", "key_version"
# Which run and key wrote a row is the lake's own business; an extract holds what readers see.
_BOOKKEEPING = (_RUN_KEY, _KEY_VERSION)
# Version 2 of Hyper's files, which pantab writes and every Tableau still in support reads, holds numbers up to this.
_MOST_DIGITS = 18

Runs = Mapping[date, str]
"""Key of the published run of each night."""
Schemas = Mapping[str, pa.Schema]
"""Columns of an extract's tables, by the table's name."""


def table_of(mart: str, *, is_masked: bool) -> str:
    """Name of the table that readers of one kind see of a mart, in the lake and in the extract."""
    return f"{mart}_masked" if is_masked and mart in PERSONAL else mart


def table_names(*, is_masked: bool) -> tuple[str, ...]:
    """Names of the tables of an extract."""
    return tuple(table_of(mart, is_masked=is_masked) for mart in (*PERSONAL, *IMPERSONAL))


def current_key_version(lake: Lake) -> int | None:
    """Version of the pseudonyms that masked readers see; None where the lake has none."""
    try:
        versions: list[int] = lake.read("pseudonym_keys")["current_version"].to_pylist()
    except MissingStateError:
        return None
    return max(versions, default=None)


def nights_with_marts(lake: Lake, first: date | None = None, last: date | None = None) -> dict[date, str]:
    """Published nights that have marts, in order, each with the key of its run."""
    rows = lake.read(NIGHTS, first, last, [NIGHT_COLUMN, _RUN_KEY]).sort_by(NIGHT_COLUMN).to_pylist()
    return {row[NIGHT_COLUMN]: row[_RUN_KEY] for row in rows}


def read_tables(lake: Lake, runs: Runs, key_version: int | None, *, is_masked: bool) -> dict[str, pa.Table]:
    """Rows of some nights, by table.

    Parameters
    ----------
    lake
        Lake that holds the marts.
    runs
        Nights to be read, and the published run of each.
    key_version
        Version of the pseudonyms; rows of other versions are left out.
    is_masked
        Whether masked readers are to see the rows.

    Raises
    ------
    ExtractError
        When a night was published again meanwhile, so that its tables would not belong together.
    """
    return {name: _read(lake, name, runs, key_version) for name in table_names(is_masked=is_masked)}


def _read(lake: Lake, name: str, runs: Runs, key_version: int | None) -> pa.Table:
    rows = lake.read(name, min(runs), max(runs))
    rows = rows.filter(pc.field(NIGHT_COLUMN).isin(list(runs)))
    _require_runs(name, rows, runs)
    if _KEY_VERSION in rows.column_names:
        rows = rows.filter(pc.field(_KEY_VERSION) == pa.scalar(key_version, pa.int64()))
    shown = rows.drop_columns([column for column in _BOOKKEEPING if column in rows.column_names])
    require_plain(name, shown.schema)
    return shown


def _require_runs(name: str, rows: pa.Table, runs: Runs) -> None:
    held = rows.select([NIGHT_COLUMN, _RUN_KEY]).group_by([NIGHT_COLUMN, _RUN_KEY]).aggregate([]).to_pylist()
    again = sorted(str(row[NIGHT_COLUMN]) for row in held if runs[row[NIGHT_COLUMN]] != row[_RUN_KEY])
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


def of_nights(tables: Mapping[str, pa.Table], nights: Runs) -> dict[str, pa.Table]:
    """The rows of some of the nights, by table."""
    wanted = list(nights)
    return {name: rows.filter(pc.field(NIGHT_COLUMN).isin(wanted)) for name, rows in tables.items()}
