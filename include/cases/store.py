"""Opens the database of cases beside a lake's catalog."""

from __future__ import annotations

import sqlalchemy as sa

from include.cases.tables import MARKS, METADATA
from include.lake.sql_store import SqlStore
from include.settings import Settings

SCHEMA, FILE = "cases", "cases"
"""Endings of the names of the schema in PostgreSQL and of the file beside SQLite's catalog."""


def open_store(lake_uri: str, settings: Settings) -> SqlStore:
    """The database, which is made where there is none."""
    return SqlStore.open(lake_uri, settings, METADATA, schema=SCHEMA, file=FILE)


def mark_of(connection: sa.Connection, name: str, *, is_locked: bool = False) -> str:
    """What a mark says; with a lock, other writers that ask for it wait until the transaction ends."""
    query = sa.select(MARKS.c.value).where(MARKS.c.name == name)
    return str(connection.scalar(query.with_for_update() if is_locked else query) or "")


def set_mark(connection: sa.Connection, name: str, value: str) -> None:
    """Make a mark say something else."""
    connection.execute(sa.update(MARKS).where(MARKS.c.name == name).values(value=value))
