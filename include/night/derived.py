"""What the manifest keeps of the tables that follow from a night's outputs and are outside its hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import pyarrow as pa

from include.lake.tables import Table
from include.marts import UNDIGESTED
from include.publish.digest import digested_columns, full_digest


@dataclass(frozen=True)
class DerivedTables:
    """The tables that follow from a night's outputs, as they were published.

    Attributes
    ----------
    digests
        Digest of each table's rows, by table.
    amount_step
        Step to which money was rounded in the masked tables; 0 for money as it is.
    """

    digests: Mapping[str, str]
    amount_step: int

    @classmethod
    def of(cls, tables: Iterable[tuple[Table, pa.Table]], amount_step: int) -> Self:
        """The tables of a night that is being published."""
        return cls(derived_digests({table.name: rows for table, rows in tables}), amount_step)

    @classmethod
    def kept(cls, row: Mapping[str, Any]) -> Self | None:
        """What a row of the manifest records; None for a night from before such tables were written."""
        return None if row["derived"] is None else cls(**json.loads(row["derived"]))

    def as_json(self) -> str:
        """The record as JSON for the manifest."""
        return json.dumps(asdict(self), sort_keys=True)


def derived_digests(tables: Mapping[str, pa.Table], recorded: Mapping[str, str] | None = None) -> dict[str, str]:
    """The digests of derived tables, without the columns that later nights or another run may change.

    Parameters
    ----------
    tables
        Tables of a night by name, without `run_key`.
    recorded
        Digests to compare with, by table. The digest of a night that was published before a table gained a column does
        not cover that column.
    """
    known = recorded or {}
    with full_digest() as digest:
        return {name: digest(_covered(_lasting(name, rows), known.get(name))) for name, rows in tables.items()}


def _covered(rows: pa.Table, recorded: str | None) -> pa.Table:
    """The columns that a recorded digest covers; all of them where the table has lost one of these."""
    columns = digested_columns(recorded) if recorded else rows.column_names
    return rows.select(columns) if set(columns) <= {*rows.column_names} else rows


def _lasting(table: str, rows: pa.Table) -> pa.Table:
    return rows.drop_columns([name for name in UNDIGESTED.get(table, ()) if name in rows.column_names])
