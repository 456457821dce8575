"""The tables that people may read: what a night publishes, the marts, and the masked table beside each of them."""

from __future__ import annotations

from include.lake.tables import TABLES, VERSION_COLUMN, VERSION_TABLE, Table
from include.marts import MART_TABLES, MASKED_MARTS
from include.masking.tables import MASKED_TABLES

MANIFEST = TABLES["night_manifest"].name


def readable_tables() -> dict[str, Table]:
    """Every table that people may read, by name; what only the next night reads, its state, is not among them."""
    masked = [*MASKED_TABLES.values(), *MASKED_MARTS.values()]
    every = [*TABLES.values(), *MART_TABLES.values(), VERSION_TABLE, *masked]
    return {table.name: table for table in every}


def is_masked(table: Table) -> bool:
    """Whether the table holds pseudonyms in place of identifiers."""
    return VERSION_COLUMN in table.schema.names
