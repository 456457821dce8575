"""The night's hash: over content alone, in one order, sensitive to every value."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from include.publish.digest import output_hash, table_digest

ROWS = st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.text(max_size=3)), st.floats(allow_nan=False)))


def _table(rows: list[tuple[int, str | None, float]]) -> pa.Table:
    names = ("a", "b", "c")
    schema = pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.float64())])
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=schema)


@given(ROWS, st.randoms())
def test_order_and_chunks_do_not_matter(rows: list[tuple[int, str | None, float]], random: object) -> None:
    shuffled = rows[:]
    random.shuffle(shuffled)
    halves = pa.concat_tables([_table(shuffled[:2]), _table(shuffled[2:])])
    assert table_digest(halves) == table_digest(_table(rows))


@given(ROWS.filter(bool))
def test_a_doubled_a_lost_and_a_changed_row_are_seen(rows: list[tuple[int, str | None, float]]) -> None:
    digest = table_digest(_table(rows))
    assert table_digest(_table([*rows, rows[0]])) != digest
    assert table_digest(_table(rows[1:])) != digest
    assert table_digest(_table([(rows[0][0] + 10, *rows[0][1:]), *rows[1:]])) != digest


def test_who_wrote_a_row_and_where_its_file_lay_do_not_matter() -> None:
    here = pa.table({"a": [1], "run_key": ["x"], "source_uri": ["file:/here"]})
    there = pa.table({"a": [1], "run_key": ["y"], "source_uri": ["file:/there"]})
    assert output_hash({"t": here}) == output_hash({"t": there})


def test_null_is_not_an_empty_text() -> None:
    assert table_digest(pa.table({"b": [""]})) != table_digest(pa.table({"b": pa.array([None], pa.string())}))


def test_money_is_hashed_to_the_cent() -> None:
    fee, other = (pa.table({"m": pa.array([Decimal(m)], pa.decimal128(12, 2))}) for m in ("14.60", "14.61"))
    assert table_digest(fee) != table_digest(other)


def test_a_column_that_came_later_is_left_out_of_the_hash() -> None:
    written = pa.table({"a": [1], "b": ["x"]})
    read_later = pa.table({"a": [1], "new": pa.nulls(1), "b": ["x"]})
    assert output_hash({"t": read_later}, {"t": ["a", "b"]}) == output_hash({"t": written})
    assert output_hash({"t": read_later}) != output_hash({"t": written})
