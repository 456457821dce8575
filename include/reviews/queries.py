"""Runs the SQL files of the reviews; each result is kept as a table that later queries can name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from include.counterparties import define_counterparty_key

_SQL = Path(__file__).resolve().parent.parent / "sql" / "reviews"


class Queries:
    """A DuckDB connection with named tables, and the SQL files that query them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def put(self, name: str, table: pa.Table) -> None:
        """Register a table under a name for the queries."""
        self._connection.register(name, table)

    def run(self, query: str, **parameters: date | int | float) -> pa.Table:
        """Run `<query>.sql` with its `$parameters`, and keep the result as a table of the query's name."""
        found = self._connection.sql(_sql(query), params=parameters).to_arrow_table()
        self.put(query, found)
        return found


@contextmanager
def queries(**tables: pa.Table) -> Iterator[Queries]:
    """An embedded database with some tables, for a chain of queries."""
    with duckdb.connect() as connection:
        # One thread, so that weights are always summed in one order and a replayed night gives the same bits.
        connection.execute("set threads = 1")
        define_counterparty_key(connection)
        opened = Queries(connection)
        for name, table in tables.items():
            opened.put(name, table)
        yield opened


@cache
def _sql(query: str) -> str:
    return (_SQL / f"{query}.sql").read_text(encoding="utf-8")
