"""What the transactions of a whole source say together: the night each record counts on, keys on two dates, totals."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.relations import DATE
from include.sources.base import TOTALS

OTHER_DATE = "duplicate_key_other_date"

_SQL = Path(__file__).resolve().parent.parent / "sql" / "sources"


def nights_of(dates: pa.Array) -> pa.Array:
    """The night each record counts on: its date, else that of the nearest record before it, else after it."""
    return pc.fill_null_backward(pc.fill_null_forward(dates))


def nights_between(lines: npt.NDArray[np.int64], nights: pa.Array, unreadable: npt.NDArray[np.int64]) -> pa.Array:
    """The nights of records that could not be read, by their lines among the `lines` of those that could."""
    if not len(nights):
        return pa.nulls(len(unreadable), DATE)
    before = np.searchsorted(lines, unreadable) - 1
    return nights.take(pa.array(np.maximum(before, 0)))


def on_other_dates(keys: pa.Array, nights: pa.Array) -> pa.Array:
    """Which records share their key with a record of another night; a null key shares with none."""
    counted = pc.value_counts(keys.drop_null())
    doubled = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    suspects = pc.is_in(keys, pc.drop_null(doubled)) if len(doubled) else pa.array(np.zeros(len(keys), bool))
    if not pc.any(suspects).as_py():
        return suspects
    table = pa.table({"key": keys, "night": nights}).filter(suspects)
    spread = table.group_by("key").aggregate([("night", "count_distinct")])
    return pc.is_in(keys, spread.filter(pc.greater(spread["night_count_distinct"], 1))["key"].combine_chunks())


def add_code(codes: pa.Array, rows: pa.Array, code: str) -> pa.Array:
    """Append a reason code where `rows` is true."""
    joined = pc.if_else(pc.is_null(codes), code, pc.binary_join_element_wise(codes, code, ","))
    return pc.if_else(rows, joined, codes)


def totals(rows: pa.Table, unreadable: pa.Table, before: date) -> pa.Table:
    """`TOTALS` of every night before `before`.

    Records that could not be split count as rows and in the digest; they have no amount.
    """
    with duckdb.connect() as connection:
        connection.register("rows", rows.select(["night", "amount", "raw", "reader_codes"]))
        connection.register("unreadable", unreadable.select(["night", "raw", "reason_codes"]))
        found = connection.sql(_statement("totals.sql"), params={"before": before})
        return found.to_arrow_table().cast(TOTALS)


def as_json(table: pa.Table) -> pa.Array:
    """Each row as JSON, in order: the raw record of a typed file."""
    with duckdb.connect() as connection:
        connection.register("records", table)
        return connection.sql(_statement("row_json.sql")).to_arrow_table()["record_json"].combine_chunks()


@lru_cache(maxsize=4)
def _statement(file: str) -> str:
    return (_SQL / file).read_text(encoding="utf-8")
