"""Facts that need all transactions of a source: each record's night, keys on two dates, totals, the last digit."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.relations import DATE, FIN_TRANSACTION
from include.sources.base import TOTALS
from include.sql_engine import SqlEngine

OTHER_DATE = "duplicate_key_other_date"
MONEY_COLUMNS = tuple(c.name for c in FIN_TRANSACTION.columns if c.kind == "money")
"""The columns of the transactions whose last digit tells how a source rounds."""

# Where nothing is declared the slack is one unit of the last money digit, as in both real banks: the crowns write
# tenths and round to them, the Teradata bank writes hundredths. Banks of yen, or with money as integers, write units.
UNIT_CENTS = 100
TENTH_CENTS = 10
HUNDREDTH_CENTS = 1
# A few wrong records must not change what the whole bank is held to; of the hundredths bank's values most have one.
_STRAY_SHARE = 0.01


def nights_of(dates: pa.Array) -> pa.Array:
    """The night on which each record counts: its date, else that of the nearest record before it, else after it."""
    return pc.fill_null_backward(pc.fill_null_forward(dates))


def nights_between(lines: npt.NDArray[np.int64], nights: pa.Array, unreadable: npt.NDArray[np.int64]) -> pa.Array:
    """The nights of records that could not be read, by their lines among the `lines` of those that could."""
    if not len(nights):
        return pa.nulls(len(unreadable), DATE)
    before = np.searchsorted(lines, unreadable) - 1
    return nights.take(pa.array(np.maximum(before, 0)))


def on_other_dates(keys: pa.Array, nights: pa.Array) -> pa.Array:
    """Whether each record shares its key with a record of another night; a null key is never shared."""
    counted = pc.value_counts(keys.drop_null())
    doubled = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    suspects = pc.is_in(keys, pc.drop_null(doubled)) if len(doubled) else pa.array(np.zeros(len(keys), bool))
    if not pc.any(suspects).as_py():
        return suspects
    table = pa.table({"key": keys, "night": nights}).filter(suspects)
    spread = table.group_by("key").aggregate([("night", "count_distinct")])
    return pc.is_in(keys, spread.filter(pc.greater(spread["night_count_distinct"], 1))["key"].combine_chunks())


def repeated_keys(nights: pa.Array) -> dict[str, str]:
    """Explanations for people of keys that occur on several dates, by reason code; empty where there are none.

    Parameters
    ----------
    nights
        The nights of all records that share their key with a record of another night.
    """
    if not len(nights):
        return {}
    return {
        OTHER_DATE: f"column {FIN_TRANSACTION.key} repeats: {len(nights):,} records share their number with a record "
        f"of another date, the first on {pc.min(nights)}; numbers that begin anew (each year, each branch) name two "
        "postings alike: export a number that is never used again, for instance with the year before it"
    }


def add_code(codes: pa.Array, rows: pa.Array, code: str) -> pa.Array:
    """Append a reason code where `rows` is true."""
    joined = pc.if_else(pc.is_null(codes), code, pc.binary_join_element_wise(codes, code, ","))
    return pc.if_else(rows, joined, codes)


def totals(rows: pa.Table, unreadable: pa.Table, before: date) -> pa.Table:
    """`TOTALS` of every night before `before`.

    Records that could not be split count as rows and in the digest; they have no amount.
    """
    tables = {
        "rows": rows.select(["night", "amount", "raw", "reader_codes"]),
        "unreadable": unreadable.select(["night", "raw", "reason_codes"]),
    }
    with SqlEngine.open("sources", tables) as engine:
        return engine.table("totals", before=before).cast(TOTALS)


def as_json(table: pa.Table) -> pa.Array:
    """Each row as JSON, in order: the raw record of a typed file."""
    with SqlEngine.open("sources", {"records": table}) as engine:
        return engine.table("row_json")["record_json"].combine_chunks()


def money_digits(rows: pa.Table) -> tuple[int, int, int]:
    """The numbers of amounts and balances that are readable, that are no whole unit, and that are no whole tenth."""
    values = sum(rows.num_rows - rows[name].null_count for name in MONEY_COLUMNS)
    return values, _with_more_digits(rows, 0), _with_more_digits(rows, 1)


def _with_more_digits(rows: pa.Table, digits: int) -> int:
    return sum(
        pc.sum(pc.not_equal(pc.round(rows[name], ndigits=digits, round_mode="towards_zero"), rows[name])).as_py() or 0
        for name in MONEY_COLUMNS
    )


def last_digit_cents(values: int, with_tenths: int, with_hundredths: int) -> int:
    """One unit of the last digit of a source's money values in cents; a few stray values are ignored.

    Parameters
    ----------
    values
        Number of readable amounts and balances.
    with_tenths, with_hundredths
        Number of them that are no whole unit, and that are no multiple of a tenth.

    >>> last_digit_cents(1000, 0, 0), last_digit_cents(1000, 300, 3), last_digit_cents(1000, 330, 300)
    (100, 10, 1)
    >>> last_digit_cents(0, 0, 0)
    1
    """
    strays = values * _STRAY_SHARE
    if not values or with_hundredths > strays:
        return HUNDREDTH_CENTS
    return TENTH_CENTS if with_tenths > strays else UNIT_CENTS
