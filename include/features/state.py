"""The state of the features: three small tables on everything before the look-back, advanced night by night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import pyarrow as pa

from include.errors import MissingStateError
from include.relations import DATE, IDENTIFIER, TEXT

STATE_ACCOUNTS = pa.schema(
    [pa.field("account_id", IDENTIFIER), pa.field("first_seen", DATE), pa.field("last_decided", DATE)]
)
STATE_KINDS = pa.schema(
    [
        pa.field("account_id", IDENTIFIER),
        pa.field("kind", TEXT),
        pa.field("first_seen", DATE),
        pa.field("last_seen", DATE),
        pa.field("largest_cents", pa.int64()),
    ]
)
STATE_COUNTERPARTIES = pa.schema(
    [pa.field("account_id", IDENTIFIER), pa.field("counterparty", TEXT), pa.field("first_seen", DATE)]
)
STATE_SCHEMAS: dict[str, pa.Schema] = {
    "state_accounts": STATE_ACCOUNTS,
    "state_kinds": STATE_KINDS,
    "state_counterparties": STATE_COUNTERPARTIES,
}
"""Schema of every state table by its name in the lake."""

MAY_BE_NULL = ("last_decided",)
"""Columns in which a null has a meaning: nobody decided anything yet. In other columns it shows that an older version
of this code, which did not know the column, wrote the row."""


@dataclass(frozen=True)
class FeatureState:
    """The knowledge about every account up to and including one day.

    The state holds only aggregates that the same posting can update twice without a change (smallest, largest, set of
    known): a restated night does no harm, and one pass over a history gives the same tables.

    Attributes
    ----------
    state_accounts
        One row per account: its first date, and the last date on which its holders decided anything.
    state_kinds
        One row per account and kind of operation: its first and last date, and the largest amount.
    state_counterparties
        One row per account and counterparty: its first date.
    """

    state_accounts: pa.Table
    state_kinds: pa.Table
    state_counterparties: pa.Table

    @classmethod
    def empty(cls) -> Self:
        """The state before the first posting ever."""
        return cls(**{name: schema.empty_table() for name, schema in STATE_SCHEMAS.items()})

    def tables(self) -> dict[str, pa.Table]:
        """The state's tables by name, as the lake keeps them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_tables(cls, tables: Mapping[str, pa.Table]) -> Self:
        """Rebuild the state from its tables; columns that the lake added are dropped, and rows are sorted by key.

        Raises
        ------
        MissingStateError
            When one of the tables is missing, or was written by an older version that did not know its columns.
        """
        missing = sorted(set(STATE_SCHEMAS) - set(tables))
        if missing:
            raise MissingStateError(
                f"the features' state lacks {', '.join(missing)}; it consists of {', '.join(STATE_SCHEMAS)}: "
                "rebuild it from the history with state_from_history"
            )
        unknown = [column for name in STATE_SCHEMAS for column in unknown_columns(name, tables[name])]
        if unknown:
            raise MissingStateError(
                f"the features' state knows nothing of {', '.join(unknown)}: an older version left it; rebuild it from "
                "the history with state_from_history (a night whose eve left such a state does so by itself)"
            )
        return cls(**{name: _canonical(tables[name], schema) for name, schema in STATE_SCHEMAS.items()})


def unknown_columns(name: str, table: pa.Table) -> list[str]:
    """Columns of a state table that are null in some rows, because an older version wrote them."""
    needed = [column for column in STATE_SCHEMAS[name].names if column not in MAY_BE_NULL]
    held = [column for column in needed if column in table.column_names and table[column].null_count == 0]
    return [f"{name}.{column}" for column in needed if column not in held]


def _canonical(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table in its schema, sorted by its key (every column but the values)."""
    narrowed = table.select(schema.names).cast(schema)
    key = [name for name in ("account_id", "kind", "counterparty") if name in schema.names]
    return narrowed.sort_by([(name, "ascending") for name in key]).combine_chunks()
