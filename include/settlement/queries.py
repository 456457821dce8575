"""Runs the SQL files of the settlement checks over a night's tables, on an embedded DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from include.counterparties import define_counterparty_key
from include.lake.tables import REVERSES
from include.relations import FIN_TRANSACTION, RELATIONS, STATIC_RELATIONS

Parameter = date | int | bool | list[str] | list[int] | list[date]
_VIEWS = ("net_postings", "net_lookback", "payable")
"""Names of the queries that others build on."""
_SQL = Path(__file__).resolve().parent.parent / "sql" / "settlement"


class NightTables:
    """Postings, look-back and static relations as tables that the SQL files can name.

    A static relation that the bank lacks is an empty table; `has` tells which ones it delivers.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, present: frozenset[str]) -> None:
        self._con = con
        self._present = present

    def has(self, *relations: str) -> bool:
        """Whether the bank delivers all of `relations`."""
        return self._present.issuperset(relations)

    def rows(self, query: str, **parameters: Parameter) -> list[dict[str, Any]]:
        """Rows of `<query>.sql` with its `$parameters`, as dictionaries."""
        cursor = self._con.execute(_sql(query), parameters)
        names = [c[0] for c in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def table(self, query: str, inputs: Mapping[str, pa.Table], **parameters: Parameter) -> pa.Table:
        """The result of `<query>.sql`, which may also name `inputs`, as a table; for results as long as the bank."""
        for name, given in inputs.items():
            self._con.register(name, given)
        return self._con.sql(_sql(query), params=parameters).to_arrow_table()

    def tuples(self, query: str, **parameters: Parameter) -> list[tuple[Any, ...]]:
        """Rows of `<query>.sql` as tuples, for long results."""
        return self._con.execute(_sql(query), parameters).fetchall()

    @property
    def has_reversals(self) -> bool:
        """Whether any posting of the night or the look-back takes another back."""
        return bool(self.tuples("any_reversal"))

    def over(self, name: str, query: str) -> None:
        """Store the result of `<query>.sql` as a table that later files can name."""
        self._con.register(name, self._con.sql(_sql(query)).to_arrow_table())


@contextmanager
def night_tables(statics: Mapping[str, pa.Table], **tables: pa.Table) -> Iterator[NightTables]:
    """Open the tables of one night, or of one history, for the SQL files."""
    with duckdb.connect() as con:
        # A night's tables are small: passing them between threads took longer than the work (4.1 s against 3.5 for 31).
        con.execute("set threads = 1")
        define_counterparty_key(con)
        con.execute(_sql("bill_kind"))
        for name in STATIC_RELATIONS:
            con.register(name, statics.get(name, RELATIONS[name].schema.empty_table()))
        for name, table in _with_links(tables).items():
            con.register(name, table)
        for view in _VIEWS:
            con.sql(_sql(view)).create_view(view)
        yield NightTables(con, frozenset(statics))


def _with_links(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables with links to reversed postings, which older versions lack; an absent look-back becomes empty."""
    given = {"lookback": tables["postings"].slice(0, 0), **tables}
    columns = [*FIN_TRANSACTION.schema.names, REVERSES.name]
    return {name: _linked(table).select(columns) for name, table in given.items()}


def _linked(table: pa.Table) -> pa.Table:
    if REVERSES.name in table.column_names:
        return table
    return table.append_column(REVERSES, pa.nulls(table.num_rows, REVERSES.type))


@cache
def _sql(query: str) -> str:
    return (_SQL / f"{query}.sql").read_text(encoding="utf-8")
