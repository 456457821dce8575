"""The tables of reviews as the SQL files of the reviews read them."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pyarrow as pa

from include.sql_engine import SqlEngine


def queries(**tables: pa.Table) -> AbstractContextManager[SqlEngine]:
    """An embedded database with some tables, for a chain of queries."""
    # One thread, so that weights are always summed in one order and a replayed night gives the same bits.
    return SqlEngine.open("reviews", tables, threads=1)
