"""Opens the database of cases beside a lake's catalog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from include.cases.tables import MARKS, METADATA, WRITER
from include.lake.sql_store import SqlStore
from include.settings import Settings

SCHEMA, FILE = "cases", "cases"
"""Endings of the names of the schema in PostgreSQL and of the file beside SQLite's catalog."""


def open_store(lake_uri: str, settings: Settings) -> SqlStore:
    """The database, which is made where there is none."""
    return SqlStore.open(lake_uri, settings, METADATA, schema=SCHEMA, file=FILE)


@contextmanager
def writing(store: SqlStore) -> Iterator[sa.Connection]:
    """A transaction that no other writer of the book overlaps, as none can in a SQLite file.

    Every act ends with the audit log, which is written at one end. Whoever locked a case first and the log last could
    hold the case that another one, who holds the log, asks for next: neither would go on.
    """
    with store.write() as connection:
        connection.execute(sa.select(MARKS.c.value).where(MARKS.c.name == WRITER).with_for_update())
        yield connection


def mark_of(connection: sa.Connection, name: str) -> str:
    """What a mark says."""
    return str(connection.scalar(sa.select(MARKS.c.value).where(MARKS.c.name == name)) or "")


def set_mark(connection: sa.Connection, name: str, value: str) -> None:
    """Make a mark say something else."""
    connection.execute(sa.update(MARKS).where(MARKS.c.name == name).values(value=value))
