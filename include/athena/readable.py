"""The tables that people may read, by name: what a night publishes, its masked twins, and the marts."""

from __future__ import annotations

from include.lake.tables import TABLES, Table

KEY_VERSION = "key_version"
"""Column of a masked table: the version of the key that made the row's pseudonyms."""
MANIFEST = "night_manifest"
PSEUDONYM_KEYS = "pseudonym_keys"


def readable_tables() -> dict[str, Table]:
    """Every table that people may read, by name; what only the next night reads, its state, is not among them."""
    return dict(TABLES)


def is_masked(table: Table) -> bool:
    """Whether the table holds pseudonyms in place of identifiers."""
    return KEY_VERSION in table.schema.names
