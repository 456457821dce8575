"""Runs the SQL files of `include/sql` on an embedded DuckDB, which only this module opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa

from include.errors import SettingsError

Parameter = date | float | bool | list[str] | list[int] | list[date]
"""Type of a value that a query may name as `$parameter`."""

SQL_FOLDER = Path(__file__).resolve().parent / "sql"


class SqlEngine:
    """An embedded database with named tables, and the SQL files of one folder that query them.

    Parameters
    ----------
    connection
        DuckDB connection that knows the functions the files call.
    folder
        Name of the folder of `include/sql` that holds the files.

    Attributes
    ----------
    shared
        Values for all queries, each of which gets those that it names.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: str) -> None:
        self._connection = connection
        self._folder = folder
        self.shared: dict[str, Parameter] = {}

    @classmethod
    @contextmanager
    def open(cls, folder: str, tables: Mapping[str, pa.Table], *, threads: int | None = None) -> Iterator[Self]:
        """Open an embedded database over some tables.

        It knows the function `counterparty_key(number, text, bank)`, which is null without a counterparty; see
        `include.counterparties`.

        Parameters
        ----------
        folder
            Name of the folder of `include/sql` that holds the queries.
        tables
            Tables by the names that the queries read.
        threads
            Number of threads; as many as there are cores when None.
        """
        with duckdb.connect() as connection:
            if threads is not None:
                connection.execute(f"set threads = {threads:d}")
            connection.execute(sql_text("counterparties", "counterparty_key"))
            engine = cls(connection, folder)
            for name, table in tables.items():
                engine.put(name, table)
            yield engine

    def put(self, name: str, table: pa.Table) -> None:
        """Register a table under a name for the queries."""
        self._connection.register(name, table)

    def drop(self, name: str) -> None:
        """Forget a registered table, whose memory is then free."""
        self._connection.unregister(name)

    def view(self, name: str) -> duckdb.DuckDBPyRelation:
        """A registered table as a relation, to be filtered and projected before it is materialised."""
        return self._connection.view(name)

    def define(self, file: str) -> None:
        """Run `<file>.sql`, which defines functions."""
        self._connection.execute(sql_text(self._folder, file))

    def define_view(self, query: str) -> None:
        """Make `<query>.sql` a view of the query's name, which others may read."""
        self._connection.sql(sql_text(self._folder, query)).create_view(query)

    def table(self, query: str, **parameters: Parameter) -> pa.Table:
        """Result of `<query>.sql` as a table, given the parameters that it names.

        Raises
        ------
        SettingsError
            When the query names a parameter that it is not given, or is given one that it does not name.
        """
        statement, named = self._bound(query, parameters)
        return self._connection.sql(statement, params=named).to_arrow_table()

    def keep(self, query: str, name: str | None = None, /, **parameters: Parameter) -> pa.Table:
        """Result of `<query>.sql`, kept as a table for later queries: under the query's name, or another."""
        found = self.table(query, **parameters)
        self.put(name or query, found)
        return found

    def tuples(self, query: str, **parameters: Parameter) -> list[tuple[Any, ...]]:
        """Rows of `<query>.sql` as tuples."""
        return self._connection.execute(*self._bound(query, parameters)).fetchall()

    def rows(self, query: str, **parameters: Parameter) -> list[dict[str, Any]]:
        """Rows of `<query>.sql` as dictionaries."""
        cursor = self._connection.execute(*self._bound(query, parameters))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _bound(self, query: str, parameters: Mapping[str, Parameter]) -> tuple[duckdb.Statement, dict[str, Parameter]]:
        (statement,) = self._connection.extract_statements(sql_text(self._folder, query))
        named, given = statement.named_parameters, {**self.shared, **parameters}
        missing, unknown = sorted(named - given.keys()), sorted(parameters.keys() - named)
        if missing or unknown:
            raise SettingsError(
                f"{self._folder}/{query}.sql names the parameters {sorted(named)}: {missing} are not given, "
                f"and {unknown} are not among them"
            )
        return statement, {name: given[name] for name in named}


@cache
def sql_text(folder: str, query: str) -> str:
    """Text of `<query>.sql` in a folder of `include/sql`."""
    return (SQL_FOLDER / folder / f"{query}.sql").read_text(encoding="utf-8")


def sql_names(folder: str) -> list[str]:
    """Names of the SQL files in a folder of `include/sql`, in their order."""
    return sorted(file.stem for file in (SQL_FOLDER / folder).glob("*.sql"))
