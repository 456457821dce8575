"""Small made-up banks in databases, with columns of any type and anything in them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from include.relations import RELATIONS
from tests.sources.small_banks import STATICS, TRANSACTIONS

TYPES = {
    "identifier": "bigint",
    "account": "bigint",
    "date": "date",
    "money": "numeric(12,2)",
    "code": "text",
    "text": "text",
    "number": "double precision",
    "time": "time",
}


def columns_of(relation: str, types: Mapping[str, str] | None = None) -> dict[str, str]:
    """The relation's required columns with their SQL types; `types` replaces some."""
    usual = {c.name: TYPES[c.kind] for c in RELATIONS[relation].source_columns if not c.optional}
    return {**usual, **(types or {})}


def make_bank(
    uri: str,
    types: Mapping[str, str] | None = None,
    transactions: Sequence[Sequence[Any]] = TRANSACTIONS,
    key: str = "",
    table: str = "fin_transaction",
) -> str:
    """The small bank's tables in an empty database; `types` and `key` are those of the transactions' columns."""
    engine = sa.create_engine(uri)
    with engine.begin() as connection:
        for name, rows in STATICS.items():
            _make(connection, name, columns_of(name), rows)
        _make(connection, table, columns_of("fin_transaction", types), transactions, key)
    engine.dispose()
    return uri


def _make(
    connection: sa.Connection, table: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]], key: str = ""
) -> None:
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    connection.exec_driver_sql(f"create table {table} ({declared}{', primary key (' + key + ')' if key else ''})")
    for row in rows:
        values = ", ".join("null" if value in ("", None) else "'" + str(value) + "'" for value in row)
        connection.exec_driver_sql(f"insert into {table} values ({values})")  # noqa: S608 - the test's own values


def changed(*changes: tuple[int, int, object]) -> list[list[object]]:
    """The small bank's transactions with (row, column, value) changed."""
    rows: list[list[object]] = [list(row) for row in TRANSACTIONS]
    for row, column, value in changes:
        rows[row][column] = value
    return rows


def run(uri: str, *statements: str) -> None:
    """Statements of another session, each committed."""
    engine = sa.create_engine(uri, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def new_schema(uri: str) -> str:
    """The address of a new, empty schema in a database."""
    schema = f"bank_{uuid.uuid4().hex}"
    run(uri, f"create schema {schema}")
    return f"{uri}&options=-csearch_path%3D{schema}"
