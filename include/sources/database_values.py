"""What a column's values are as text, whatever its type, and the figures the database itself makes of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from include.relations import Kind
from include.sources.values import readable_pattern

Value = ColumnElement[Any]

# Doubles carry binary noise (0.1 + 0.2) far below a cent: four decimals keep a wrong third one and drop the noise.
_FLOAT_TEXT = sa.Numeric(38, 4)
# Above, a double's digits say nothing any more, and 38 digits may not hold it.
_LARGEST_PLAIN_FLOAT = 10**15
_MONEY = sa.Numeric(12, 2)
_MONEY_LIMIT = 10**10
_NULL = "\\N"


def as_text(column: Value, kind: Kind) -> ColumnElement[str]:
    """A column's value as the reader of files would find it written."""
    if isinstance(column.type, sa.DateTime) and kind in ("date", "time"):
        column = sa.cast(column, sa.Date if kind == "date" else sa.Time)
    text = sa.cast(column, sa.Text)
    if not isinstance(column.type, sa.Float):
        return text
    plain = sa.cast(sa.cast(column, _FLOAT_TEXT), sa.Text)
    return sa.case((sa.func.abs(column) < _LARGEST_PLAIN_FLOAT, plain), else_=text)


def readable_amount(column: Value) -> Value:
    """The value where it is money that can be read, null elsewhere: the same values as the reader of files admits."""
    if _is_exact(column):
        return sa.case((sa.func.abs(column) < _MONEY_LIMIT, column))  # PostgreSQL's NaN is greater than any number
    text = as_text(column, "money")
    return sa.case((text.regexp_match(readable_pattern("money")), sa.cast(text, _MONEY)))


def has_hundredth(column: Value) -> ColumnElement[bool]:
    """Whether the value can be read and is no multiple of a tenth; null where it cannot be read."""
    # Through whole cents: an integer column times 100 may overflow, and SQLite keeps its numbers as doubles.
    cents = sa.cast(sa.func.round(sa.cast(readable_amount(column), _MONEY) * 100), sa.BigInteger)
    return cents % 10 != 0


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
