"""SQL expressions for a column's values as text, whatever its type, and for the figures that the database computes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.postgresql import MONEY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from include.relations import Kind
from include.sources.values import DOUBLE_END, EXPONENT, readable_pattern

Value = ColumnElement[Any]

# Ten decimals keep a wrong third one, and what binary sums leave behind it.
_FLOAT_DIGITS = sa.Numeric(38, 10)
# The same for single precision as `DOUBLE_END` for double.
_SINGLE_END = 2**24
# What rounding to single precision changes at most, of the number: half of the last of its 24 binary digits.
_SINGLE_NOISE = 2.0**-24
# As many digits as a number with an exponent may need; PostgreSQL's plain `numeric` has no bound.
_ANY_DIGITS = sa.Numeric().with_variant(mysql.DECIMAL(65, 30), "mysql")
_MONEY = sa.Numeric(12, 2)
_MONEY_LIMIT = 10**10
_NULL = "\\N"


def as_text(column: Value, kind: Kind) -> ColumnElement[str]:
    """A column's value as the reader of files would find it written."""
    if isinstance(column.type, sa.DateTime) and kind in ("date", "time"):
        column = sa.cast(column, sa.Date if kind == "date" else sa.Time)
    return _number_text(_plain_money(column)) if kind in ("money", "number") else _value_text(column)


def is_single(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether a column's type holds numbers of single precision; MySQL calls it FLOAT, PostgreSQL `real`."""
    return isinstance(kind, sa.REAL | mysql.FLOAT)


def _value_text(column: Value) -> ColumnElement[str]:
    """A value's text; of a binary number all digits where it is whole and its type holds every such number."""
    text: ColumnElement[str] = value_text(column)
    if not isinstance(column.type, sa.Float):
        return text
    end = _SINGLE_END if is_single(column.type) else DOUBLE_END
    is_whole = (sa.func.abs(column) < end) & (sa.func.floor(column) == column)
    return sa.case((is_whole, sa.cast(sa.cast(column, sa.BigInteger), sa.Text)), else_=text)


def _plain_money(column: Value) -> Value:
    """Money as a number whose text says what was put in; other columns as they are."""
    if isinstance(column.type, mysql.FLOAT):
        return _cents_of_single(column)
    # PostgreSQL writes its `money` with a currency and separators.
    return sa.cast(column, _MONEY) if isinstance(column.type, MONEY) else column


def _cents_of_single(column: Value) -> Value:
    """MySQL's single precision as double: the whole cents where they are the number, else the number itself.

    The server writes six digits of a FLOAT, and all digits of the double it is, 12345.669921875 for 12345.67.
    """
    double: Value = sa.type_coerce(column + sa.literal_column("0E0"), sa.Double())
    cents: Value = sa.func.round(double, 2, type_=sa.Double())
    return sa.case((sa.func.abs(cents - double) <= sa.func.abs(double) * _SINGLE_NOISE, cents), else_=double)


def _number_text(column: Value) -> ColumnElement[str]:
    """A number's text: of a binary one the shortest that is its own, written in digits where they say something."""
    text: ColumnElement[str] = number_text(column)
    if not isinstance(column.type, sa.Float):
        return text
    digits = sa.cast(sa.cast(text, _FLOAT_DIGITS), sa.Text)
    return sa.case((sa.func.abs(column) < DOUBLE_END, digits), else_=text)


def readable_amount(column: Value) -> Value:
    """The value where it is money that can be read, null elsewhere: the same values as the reader of files admits."""
    column = _plain_money(column)
    if _is_exact(column):
        return sa.case((sa.func.abs(column) < _MONEY_LIMIT, column))  # PostgreSQL's NaN is greater than any number
    text = sa.func.trim(decodable(as_text(column, "money")))
    # Rounded, since SQLite casts to a double with all its noise.
    amount = sa.func.round(sa.cast(text, _MONEY), 2)
    written_out: ColumnElement[str] = number_text(sa.cast(text, _ANY_DIGITS))
    return sa.case(
        (text.regexp_match(readable_pattern("money")), amount),
        (text.regexp_match(EXPONENT), sa.case((written_out.regexp_match(readable_pattern("money")), amount))),
    )


def has_more_digits(column: Value, unit_cents: int) -> ColumnElement[bool]:
    """Whether the value can be read and is no multiple of `unit_cents`; null where it cannot be read."""
    # Through whole cents: an integer column times 100 may overflow, and SQLite keeps its numbers as doubles.
    cents = sa.cast(sa.func.round(sa.cast(readable_amount(column), _MONEY) * 100), sa.BigInteger)
    return cents % unit_cents != 0


def _is_exact(column: Value) -> bool:
    """Whether the column's type itself leaves no third decimal."""
    kind = column.type
    if isinstance(kind, sa.Integer):
        return True
    return (
        isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float) and kind.scale is not None and kind.scale <= 2
    )


def record_digest(texts: list[ColumnElement[str]]) -> Value:
    """The sum of a group's record numbers: changes when any value of any record does, whatever their order."""
    content: ColumnElement[str] = sa.literal("")
    for text in texts:
        content = content + sa.func.coalesce(text, _NULL) + "|"
    return sa.func.sum(record_number(content))


class number_text(GenericFunction[str]):  # noqa: N801 - it is a function
    """A number's text."""

    type = sa.Text()
    inherit_cache = True


@compiles(number_text)
def _plain_number_text(element: number_text, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return compiler.process(sa.cast(element.clauses.clauses[0], sa.Text), **options)


@compiles(number_text, "sqlite")
def _sqlite_number_text(element: number_text, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    """A double near zero would be written with an exponent; any value of a column may be one, whatever it declares."""
    value = compiler.process(element.clauses.clauses[0], **options)
    return f"case typeof({value}) when 'real' then printf('%.10f', {value}) else cast({value} as text) end"


class value_text(GenericFunction[str]):  # noqa: N801 - it is a function
    """A value's text."""

    type = sa.Text()
    inherit_cache = True


@compiles(value_text)
def _plain_value_text(element: value_text, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return compiler.process(sa.cast(element.clauses.clauses[0], sa.Text), **options)


@compiles(value_text, "sqlite")
def _sqlite_value_text(element: value_text, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    """All digits of a whole double; of one beyond their reach as many as tell it from the next, where it writes 15."""
    value = compiler.process(element.clauses.clauses[0], **options)
    return (
        f"case when typeof({value}) <> 'real' then cast({value} as text) "
        f"when abs({value}) >= {DOUBLE_END} then printf('%!.16e', {value}) "
        f"when {value} = cast({value} as integer) then cast(cast({value} as integer) as text) "
        f"else cast({value} as text) end"
    )


class decodable(GenericFunction[str]):  # noqa: N801 - it is a function
    """A text where it is UTF-8, null elsewhere; only SQLite keeps any other."""

    type = sa.Text()
    inherit_cache = True


@compiles(decodable)
def _same_text(element: decodable, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return compiler.process(element.clauses, **options)


@compiles(decodable, "sqlite")
def _sqlite_decodable(element: decodable, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    text = compiler.process(element.clauses, **options)
    return f"case when is_utf8(cast({text} as blob)) then {text} end"


class record_number(GenericFunction[int]):  # noqa: N801 - it is a function
    """A record's number: the first ten digits of its text's MD5, so that a day's sum fits 64 bits everywhere."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(record_number, "postgresql")
def _postgresql_number(element: record_number, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    text = compiler.process(element.clauses, **options)
    return f"('x' || substr(md5({text}), 1, 10))::bit(40)::bigint"


@compiles(record_number, "mysql")
def _mysql_number(element: record_number, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    text = compiler.process(element.clauses, **options)
    return f"cast(conv(substr(md5({text}), 1, 10), 16, 10) as unsigned)"


@compiles(record_number, "sqlite")
def _sqlite_number(element: record_number, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    """As bytes, which need not be UTF-8; the function is this project's own."""
    return f"record_number(cast({compiler.process(element.clauses, **options)} as blob))"
