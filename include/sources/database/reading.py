"""Relations out of one snapshot of a database: rows in batches, control totals, rows without a date, keys on two."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.sql import ColumnElement, FromClause, Select

from include.errors import SourceChangedError
from include.relations import DATE, FIN_TRANSACTION, TEXT
from include.sources.base import LINEAGE, TOTALS, UNREADABLE, Extract
from include.sources.counting import (
    MONEY_COLUMNS,
    OTHER_DATE,
    TENTH_CENTS,
    UNIT_CENTS,
    add_code,
    as_json,
    last_digit_cents,
    repeated_keys,
)
from include.sources.database.nights import Condition, Nights, nights_of
from include.sources.database.relation_tables import BankTable
from include.sources.database.texts import without_marks
from include.sources.database.values import as_text, has_more_digits, readable_amount, record_digest
from include.sources.forms import Remarks
from include.sources.text.records import ENCODING
from include.sources.values import readable_pattern, type_columns
from include.sources.zones import require_zone

BATCH_ROWS = 50_000

_AMOUNT = "amount"
_NIGHT = "night"
_DAY = "counted_on"
_STEP = "step"


class Reading:
    """One snapshot of a database, and what has been found out about it; calls `heard` at each sign of its life."""

    def __init__(self, connection: Connection, tables: dict[str, BankTable], heard: Callable[[], None]) -> None:
        self.connection = connection
        self._heard = heard
        self._tables = tables
        self._postings = tables[FIN_TRANSACTION.name]
        self._undated_remarks = Remarks()

    @cached_property
    def nights(self) -> Nights:
        """How the transactions are told apart by settlement date."""
        return nights_of(self._postings, self.connection)

    @cached_property
    def rounding_cents(self) -> int:
        """One unit of the last money digit, from one scan of the transactions."""
        table = self._postings
        columns = [table.column(name) for name in MONEY_COLUMNS if name in table.columns]
        values = [sa.func.count(readable_amount(column)) for column in columns]
        digits = [
            sa.func.count(sa.case((has_more_digits(column, unit_cents), 1)))
            for unit_cents in (UNIT_CENTS, TENTH_CENTS)
            for column in columns
        ]
        counts = self._all(sa.select(*values, *digits).select_from(table.table))[0]
        each = len(columns)
        return last_digit_cents(*(sum(counts[first : first + each]) for first in range(0, 3 * each, each)))

    def static(self, name: str) -> Extract | None:
        """A whole relation."""
        table, remarks = self._tables.get(name), Remarks()
        return None if table is None else _extract(table, self._rows(table, sa.true(), remarks), remarks)

    def transactions(self, first: date, last: date) -> Extract:
        """The transactions counted on dates in [first, last]."""
        remarks, repeated = Remarks(), {}
        rows = self._rows(self._postings, self.nights.within(first, last), remarks)
        rows = _counted_on(rows, rows[FIN_TRANSACTION.valid_from])
        if self.nights.undated_rows:
            rows = pa.concat_tables([rows, _within(self._undated, first, last)])
            remarks.add(self._undated_remarks)
        if not self._postings.key_is_unique:
            conflicting = pc.is_in(rows[FIN_TRANSACTION.key].combine_chunks(), self._keys_on_two_dates(first, last))
            rows = _with_conflicts(rows, conflicting)
            repeated = repeated_keys(rows[_NIGHT].filter(conflicting))
        return _extract(self._postings, rows, remarks, repeated)

    def totals(self, last: date) -> pa.Table:
        """`TOTALS` of the nights up to `last`; groups the whole table, about a second for a million rows."""
        table, nights = self._postings, self.nights
        figures = (sa.func.count(), sa.func.sum(readable_amount(table.column(_AMOUNT))), record_digest(_texts(table)))
        grouped = sa.select(nights.day, *figures).where(nights.within(date.min, last)).group_by(nights.day)
        days = [_DayTotals(nights.read(row[0]), row[1], _cents(row[2]), str(row[3])) for row in self._all(grouped)]
        if nights.undated_rows:
            days.extend(_totals_of_rows(_within(self._undated, date.min, last)))
        return _joined(days)

    def _rows(self, table: BankTable, condition: Condition, remarks: Remarks) -> pa.Table:
        """Rows in the order of their key, compared with what the database counts; their night is null."""
        statement = sa.select(*_texts(table)).where(condition).order_by(table.column(table.relation.key))
        batches = [_typed(table, columns, remarks) for columns in self._stream(statement)]
        rows = pa.concat_tables(batches) if batches else _typed(table, [()] * len(table.columns), remarks)
        self._require_same(table, rows, condition)
        return rows

    def _require_same(self, table: BankTable, rows: pa.Table, condition: Condition) -> None:
        """Control totals: what was read, against what the database counts in the same snapshot."""
        has_amount = _AMOUNT in table.columns
        amount = sa.func.sum(readable_amount(table.column(_AMOUNT))) if has_amount else sa.null()
        counted = self._all(sa.select(sa.func.count(), amount).select_from(table.table).where(condition))[0]
        expected = (counted[0], _cents(counted[1]))
        found = (rows.num_rows, _cents(pc.sum(rows[_AMOUNT]).as_py()) if has_amount else 0)
        if found != expected:
            raise SourceChangedError(
                f"{table.uri} changed while it was read: {found[0]} rows over {found[1] / 100:,.2f} were read, "
                f"{expected[0]} over {expected[1] / 100:,.2f} are counted. Nothing of it was kept, run again",
                place=table.uri,
                relation=table.relation.name,
            )

    @cached_property
    def _undated(self) -> pa.Table:
        """The rows without a date, each on the night of the next lower key that has one, else of the next higher.

        One pass over the table in the order of the key, made only when there are such rows.
        """
        table, remarks, read = self._postings, self._undated_remarks, self.nights.read
        return pa.concat_tables(
            _counted_on(_typed(table, columns[:-1], remarks), pa.array([read(day) for day in columns[-1]], DATE))
            for columns in self._stream(_undated_rows(table, self.nights))
        )

    def _keys_on_two_dates(self, first: date, last: date) -> pa.Array:
        """The keys of rows dated in [first, last] that the table also has under another date."""
        table, nights = self._postings, self.nights
        key = table.column(table.relation.key)
        asked = sa.select(key).where(nights.within(first, last))
        doubled = sa.select(key).where(key.in_(asked)).group_by(key).having(sa.func.count() > 1)
        pairs = sa.select(as_text(key, "identifier"), nights.day).where(key.in_(doubled), nights.dated).distinct()
        dates: defaultdict[str, set[date]] = defaultdict(set)
        for text, day in self._all(pairs):
            dates[text].add(nights.read(day))
        return pa.array(_identifiers(text for text, days in dates.items() if len(days) > 1), pa.int64())

    def _stream(self, statement: Select[*tuple[Any, ...]]) -> Iterator[list[Sequence[Any]]]:
        """The columns of a statement's rows, batch by batch, from a cursor that the server keeps."""
        streaming = statement.execution_options(stream_results=True, yield_per=BATCH_ROWS)
        with self.connection.execute(streaming) as result:
            for rows in result.partitions():
                self._heard()
                yield list(zip(*rows, strict=True))

    def _all(self, statement: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        rows = self.connection.execute(statement).all()
        self._heard()
        return rows


def _texts(table: BankTable, rows: FromClause | None = None) -> list[ColumnElement[str]]:
    """The table's columns as text, out of the table itself or of rows that have its columns."""
    columns = table.table.c if rows is None else rows.c
    return [as_text(columns[name], table.relation.column(canonical).kind) for canonical, name in table.columns.items()]


def _undated_rows(table: BankTable, nights: Nights) -> Select[*tuple[Any, ...]]:
    """The rows without a date as text, followed by the day they are counted on.

    In the order of the key each dated row opens a step, and the undated rows after it stand on the same step; those
    before any dated row take the first one's day.
    """
    key = table.column(table.relation.key)
    day = sa.case((nights.dated, nights.day))
    order = (key, sa.case((nights.dated, 0), else_=1), nights.day)
    numbered = sa.select(
        *table.table.c, day.label(_DAY), sa.func.count(day).over(order_by=order).label(_STEP)
    ).subquery()
    opened = sa.select(numbered.c[_STEP], sa.func.max(numbered.c[_DAY]).label(_DAY)).group_by(numbered.c[_STEP])
    steps = opened.subquery()
    first = sa.select(nights.day).where(nights.dated).order_by(key, nights.day).limit(1).scalar_subquery()
    return (
        sa.select(*_texts(table, numbered), sa.func.coalesce(steps.c[_DAY], first))
        .join_from(numbered, steps, numbered.c[_STEP] == steps.c[_STEP])
        .where(numbered.c[_DAY].is_(None))
    )


def _typed(table: BankTable, columns: Sequence[Sequence[str | None]], remarks: Remarks) -> pa.Table:
    """A batch of texts as the relation's columns and `LINEAGE`, with no night yet; `remarks` gains what was seen."""
    texts, undecoded = without_marks([pa.array(values, TEXT) for values in columns])
    by_name = dict(zip(table.columns, texts, strict=True))
    require_zone(table.relation, table.dialect, by_name, table.uri)
    typed, codes, seen = type_columns(table.relation, table.dialect, by_name)
    remarks.add(seen)
    rows = typed.num_rows
    raw = as_json(pa.table(texts, names=list(table.columns.values())))
    lineage = [
        pa.repeat(pa.scalar(table.uri, TEXT), rows),
        pa.nulls(rows, pa.int64()),
        raw,
        add_code(codes, undecoded, ENCODING),
        pa.nulls(rows, DATE),
    ]
    return pa.Table.from_arrays([*typed.columns, *lineage], schema=pa.schema([*typed.schema, *LINEAGE]))


def _counted_on(rows: pa.Table, nights: pa.Array | pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(_NIGHT), LINEAGE.field(_NIGHT), nights)


def _within(rows: pa.Table, first: date, last: date) -> pa.Table:
    return rows.filter((pc.field(_NIGHT) >= first) & (pc.field(_NIGHT) <= last))


def _with_conflicts(rows: pa.Table, conflicting: pa.Array) -> pa.Table:
    marked = add_code(rows["reader_codes"].combine_chunks(), conflicting, OTHER_DATE)
    return rows.set_column(rows.schema.get_field_index("reader_codes"), LINEAGE.field("reader_codes"), marked)


def _extract(table: BankTable, rows: pa.Table, remarks: Remarks, repeated: Mapping[str, str] | None = None) -> Extract:
    notes = (*table.notes, *remarks.notes(table.uri))
    told = {**remarks.explanations(table.relation, table.dialect), **(repeated or {})}
    return Extract(table.relation, rows, UNREADABLE.empty_table(), notes, table.absent_columns, told)


def _identifiers(texts: Iterable[str]) -> list[int]:
    readable = re.compile(readable_pattern("identifier"))
    return [int(text.partition(".")[0]) for text in texts if readable.match(text)]


def _cents(amount: Decimal | float | None) -> int:
    return round((amount or 0) * 100)


class _DayTotals(NamedTuple):
    """Count, cents and digest of one day's rows, or of a part of them."""

    day: date
    rows: int
    cents: int
    digest: str


def _totals_of_rows(rows: pa.Table) -> Iterator[_DayTotals]:
    for row in rows.select([_NIGHT, _AMOUNT, "raw"]).to_pylist():
        digest = hashlib.md5(row["raw"].encode(), usedforsecurity=False).hexdigest()
        yield _DayTotals(row[_NIGHT], 1, _cents(row[_AMOUNT]), digest)


def _joined(parts: Iterable[_DayTotals]) -> pa.Table:
    """`TOTALS` of days that come in parts, the earliest first; the order of the parts does not matter."""
    days: defaultdict[date, list[_DayTotals]] = defaultdict(list)
    for part in parts:
        days[part.day].append(part)
    rows = [
        (day, sum(p.rows for p in found), sum(p.cents for p in found), "+".join(sorted(p.digest for p in found)))
        for day, found in sorted(days.items())
    ]
    return pa.Table.from_pylist([dict(zip(TOTALS.names, row, strict=True)) for row in rows], schema=TOTALS)
