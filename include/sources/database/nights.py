"""Conditions that select a database's transactions by settlement date, for columns of dates and of other types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import groupby
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from include.errors import SourceError
from include.relations import FIN_TRANSACTION, TEXT
from include.sources.database.relation_tables import BankTable
from include.sources.database.zones import is_zoned
from include.sources.zones import require_zone

Condition = ColumnElement[bool]
_ONE_DAY = timedelta(days=1)
# What may be read as a day once it is text; SQLite's columns and those of a domain have no type of their own.
_WRITTEN = (sa.String, sa.Integer, sa.Numeric, sa.types.NullType, DOMAIN)


class Nights(Protocol):
    """Conditions on the settlement date that an index over its column can serve."""

    undated_rows: int
    """Number of rows without a readable date."""
    span: tuple[date, date] | None
    """First and last date that can be read."""

    @property
    def day(self) -> ColumnElement[Any]:
        """The expression by which dated rows are grouped; `read` converts its values to dates."""

    @property
    def dated(self) -> Condition:
        """Whether a row has a date that can be read."""

    @property
    def undated(self) -> Condition:
        """Whether a row has none."""

    def read(self, day: Any) -> date:  # noqa: ANN401 - whatever the driver gave
        """The date of one value of `day`."""

    def within(self, first: date, last: date) -> Condition:
        """Whether a row's date lies in [first, last]."""


def nights_of(table: BankTable, connection: Connection) -> Nights:
    """The way to tell a table's nights apart, by the type of its date column.

    A timestamp counts on its date, one with a zone on its date in the source's. Any other type is read value by
    value, each distinct one once, as in a file.

    Raises
    ------
    SourceError
        When there are transactions, but none has a date that can be read, so that none could be counted on a night.
    """
    column = table.column(FIN_TRANSACTION.valid_from)
    typed = isinstance(column.type, sa.Date | sa.DateTime)
    nights = _typed_nights(table, connection) if typed else _written_nights(table, connection)
    if nights.undated_rows and nights.span is None:
        raise SourceError(
            f"{table.uri} ({FIN_TRANSACTION.name}): none of its {nights.undated_rows} rows has a settlement date that "
            f"can be read from {column.name!r} ({column.type}): hold a DATE in it, or text as YYYY-MM-DD",
            place=table.uri,
            relation=FIN_TRANSACTION.name,
        )
    return nights


def _typed_nights(table: BankTable, connection: Connection) -> TypedNights:
    column = table.column(FIN_TRANSACTION.valid_from)
    zone = table.dialect.zone if is_zoned(column.type) else None
    plain = CalendarNights if connection.dialect.name == "mysql" else TypedNights
    nights = plain(column) if zone is None else ZonedNights(column, zone=zone)
    rows = sa.select(sa.func.count()).select_from(table.table).where(nights.undated)
    nights.undated_rows = connection.execute(rows).scalar_one()
    earliest, latest = (sa.cast(bound(nights.column), sa.Date) for bound in (sa.func.min, sa.func.max))
    first, last = connection.execute(sa.select(earliest, latest).where(nights.dated)).one()
    nights.span = None if first is None else (first, last)
    return nights


def _written_nights(table: BankTable, connection: Connection) -> WrittenNights:
    column = table.column(FIN_TRANSACTION.valid_from)
    if not isinstance(column.type, _WRITTEN):
        raise SourceError(
            f"{table.uri} ({FIN_TRANSACTION.name}): {column.name!r} is of type {column.type}, which holds no day: hold "
            "a DATE in it, or text as YYYY-MM-DD",
            place=table.uri,
            relation=FIN_TRANSACTION.name,
        )
    rows = connection.execute(sa.select(column, sa.func.count()).group_by(column).order_by(column)).all()
    require_zone(table.relation, table.dialect, {FIN_TRANSACTION.valid_from: _written(rows)}, table.uri)
    days = {value: day for value, _ in rows if (day := table.dialect.date_of(_text(value).strip()))}
    undated = sum(count for value, count in rows if value not in days)
    span = (min(days.values()), max(days.values())) if days else None
    return WrittenNights(column, [value for value, _ in rows], days, undated, span)


def _written(rows: Iterable[Sequence[Any]]) -> pa.Array:
    return pa.array([_text(row[0]) for row in rows], TEXT)


def _text(value: Any) -> str:  # noqa: ANN401 - SQLite gives what was put in
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


@dataclass
class TypedNights:
    """Nights of a column of dates or timestamps, unreadable where null, infinite or outside of years 1 to 9999."""

    column: ColumnElement[Any]
    undated_rows: int = 0
    span: tuple[date, date] | None = None

    @property
    def day(self) -> ColumnElement[Any]:
        """The date."""
        return self.column if isinstance(self.column.type, sa.Date) else sa.cast(self.column, sa.Date)

    @property
    def dated(self) -> Condition:
        """A range that leaves out what is no date of the calendar."""
        return self.within(date.min, date.max)

    @property
    def undated(self) -> Condition:
        """Null, or outside of that range."""
        return self.column.is_(None) | sa.not_(self.dated)

    def read(self, day: date) -> date:
        """The driver's date itself."""
        return day

    def within(self, first: date, last: date) -> Condition:
        """A range, of whole days where the column holds timestamps."""
        lower = self.column >= _literal(first)
        if isinstance(self.column.type, sa.Date) or last == date.max:
            return lower & (self.column <= _literal(last))
        return lower & (self.column < _literal(last + _ONE_DAY))


@dataclass
class CalendarNights(TypedNights):
    """Nights of a server that keeps days which no calendar has, as MySQL `0000-00-00`, `2013-00-00` or `2013-02-31`."""

    def within(self, first: date, last: date) -> Condition:
        """The range, without such days; never null, so that `undated` is the rest."""
        day = sa.func.dayofmonth(self.column)
        is_real = (sa.func.month(self.column) > 0) & (day > 0)
        month_has_it = day <= sa.func.coalesce(sa.func.dayofmonth(sa.func.last_day(self.column)), 0)
        return super().within(first, last) & is_real & month_has_it


@dataclass
class ZonedNights(TypedNights):
    """Nights of a column of moments, counted in a zone; conditions name moments, so that an index serves them."""

    zone: tzinfo = UTC

    def within(self, first: date, last: date) -> Condition:
        """From the first moment of the one day to the first after the other, as the zone has them."""
        return (self.column >= self._beginning(first)) & (self.column < self._beginning(last, _ONE_DAY))

    def _beginning(self, day: date, later: timedelta = timedelta(0)) -> ColumnElement[Any]:
        # A day of room at both ends of the calendar: there a moment's date in the zone may be outside of it.
        day = min(max(day, date.min + _ONE_DAY), date.max - 2 * _ONE_DAY) + later
        if isinstance(self.column.type, mysql.TIMESTAMP):
            # The driver sends moments without their zone, and the server takes them for the session's, which is ours.
            return sa.literal(datetime.combine(day, time.min), sa.DateTime())
        # An hour that comes twice begins with its first coming, one that is left out with the next: that is fold 0.
        moment = datetime.combine(day, time.min, self.zone).astimezone(UTC)
        return sa.literal(moment, sa.DateTime(timezone=True))


def _literal(day: date) -> ColumnElement[date]:
    return sa.literal(day, sa.Date)


@dataclass
class WrittenNights:
    """Nights of a column of any other type, by the values that read as a date.

    Attributes
    ----------
    values
        All values, in the database's own order.
    days
        Value -> the date it reads as, where it reads as one.
    """

    column: ColumnElement[Any]
    values: Sequence[Any]
    days: Mapping[Any, date]
    undated_rows: int
    span: tuple[date, date] | None

    @property
    def day(self) -> ColumnElement[Any]:
        """The value as it stands."""
        return self.column

    @property
    def dated(self) -> Condition:
        """One of the values that read as a date."""
        return self.within(date.min, date.max)

    @property
    def undated(self) -> Condition:
        """Null, or none of those values."""
        return self.column.is_(None) | sa.not_(self.dated)

    def read(self, day: Any) -> date:  # noqa: ANN401 - whatever the driver gave
        """The date the value reads as."""
        return self.days[day]

    def within(self, first: date, last: date) -> Condition:
        """A range for each run of neighbours that read as a date of [first, last].

        A bank that writes times has a value for each second: too many to be named one by one.
        """
        runs = groupby(self.values, lambda value: value in self.days and first <= self.days[value] <= last)
        ranges = [list(run) for is_within, run in runs if is_within]
        return sa.or_(sa.false(), *(self.column.between(values[0], values[-1]) for values in ranges))
