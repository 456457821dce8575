"""The tables of a night as the SQL files of the settlement checks read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa

from include.lake.tables import REVERSES
from include.relations import FIN_TRANSACTION, RELATIONS, STATIC_RELATIONS
from include.sql_engine import SqlEngine

_VIEWS = ("net_postings", "net_lookback", "payable")
"""Names of the queries that others build on."""


class NightTables(SqlEngine):
    """Postings, look-back and static relations as tables that the SQL files can name.

    A static relation that the bank lacks is an empty table.

    Attributes
    ----------
    delivered
        Names of the static relations that the bank delivers.
    """

    delivered: frozenset[str] = frozenset()

    def has(self, *relations: str) -> bool:
        """Whether the bank delivers all of `relations`."""
        return self.delivered.issuperset(relations)

    @property
    def has_reversals(self) -> bool:
        """Whether any posting of the night or the look-back takes another back."""
        return bool(self.tuples("any_reversal"))


@contextmanager
def night_tables(statics: Mapping[str, pa.Table], **tables: pa.Table) -> Iterator[NightTables]:
    """Open the tables of one night, or of one history, for the SQL files."""
    relations = {name: statics.get(name, RELATIONS[name].schema.empty_table()) for name in STATIC_RELATIONS}
    # A night's tables are small: passing them between threads took longer than the work (4.1 s against 3.5 for 31).
    with NightTables.open("settlement", {**relations, **_with_links(tables)}, threads=1) as opened:
        opened.delivered = frozenset(statics)
        opened.define("bill_kind")
        for view in _VIEWS:
            opened.define_view(view)
        yield opened


def _with_links(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables with links to reversed postings, which older versions lack; an absent look-back becomes empty."""
    given = {"lookback": tables["postings"].slice(0, 0), **tables}
    columns = [*FIN_TRANSACTION.schema.names, REVERSES.name]
    return {name: _linked(table).select(columns) for name, table in given.items()}


def _linked(table: pa.Table) -> pa.Table:
    if REVERSES.name in table.column_names:
        return table
    return table.append_column(REVERSES, pa.nulls(table.num_rows, REVERSES.type))
