"""Athena's SQL held against the tables: parsed, resolved and typed as Athena's dialect, then run on DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import duckdb
import pyarrow as pa
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
)
from sqlglot import exp, parse_one
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

DIALECT = "athena"

Columns = Mapping[str, str]
"""Types of a table's columns, in Athena's words, by name."""

# AWS, "Supported data types for Iceberg tables in Athena"; times and moments are read, though not created.
_PLAIN: dict[type[IcebergType], str] = {
    BooleanType: "boolean",
    IntegerType: "integer",
    LongType: "bigint",
    FloatType: "real",
    DoubleType: "double",
    DateType: "date",
    TimeType: "time(6)",
    TimestampType: "timestamp(6)",
    TimestamptzType: "timestamp(6) with time zone",
    StringType: "varchar",
}

_NUMBERS, _WORDS, _DAYS, _MOMENTS = "number", "text", "date", "moment"
_FAMILIES = {
    **dict.fromkeys(exp.DataType.NUMERIC_TYPES, _NUMBERS),
    **dict.fromkeys(exp.DataType.TEXT_TYPES, _WORDS),
    exp.DType.DATE: _DAYS,
    exp.DType.TIMESTAMP: _MOMENTS,
    exp.DType.TIMESTAMPTZ: "moment with a zone",
    exp.DType.TIME: "time of day",
    exp.DType.BOOLEAN: "boolean",
}


class MistypedError(Exception):
    """Raised when Athena would refuse an expression for the types of its parts."""


def athena_type(kind: IcebergType) -> str:
    """What Athena calls a type of Iceberg.

    Raises
    ------
    MistypedError
        When Athena does not read it.
    """
    if type(kind) in _PLAIN:
        return _PLAIN[type(kind)]
    if isinstance(kind, DecimalType):
        return f"decimal({kind.precision}, {kind.scale})"
    if isinstance(kind, ListType):
        return f"array({athena_type(kind.element_type)})"
    if isinstance(kind, MapType):
        return f"map({athena_type(kind.key_type)}, {athena_type(kind.value_type)})"
    if isinstance(kind, StructType):
        return f"row({', '.join(f'{field.name} {athena_type(field.field_type)}' for field in kind.fields)})"
    raise MistypedError(f"Athena reads no {kind} from Iceberg tables")


def columns_of(schema: Schema) -> dict[str, str]:
    """The columns of an Iceberg table, typed as Athena reads them."""
    return {field.name: athena_type(field.field_type) for field in schema.fields}


def parsed(sql: str) -> exp.Expr:
    """One statement, as Athena's dialect reads it."""
    return parse_one(sql, read=DIALECT)


def typed(query: exp.Expr, schemas: Mapping[str, Columns]) -> exp.Query:
    """A query with every column resolved and every expression typed.

    Raises
    ------
    sqlglot.errors.OptimizeError
        When it names a column or table that there is none of.
    MistypedError
        When the types of an expression do not go together, or cannot be told.
    """
    resolved = qualify(query.copy(), schema=dict(schemas), dialect=DIALECT)
    found = annotate_types(resolved, schema=dict(schemas), dialect=DIALECT)
    for node in found.walk():
        _check(node)
    return found


def output_of(query: exp.Query) -> dict[str, str]:
    """The columns that a typed query gives."""
    return {column.alias_or_name: column.type.sql(DIALECT).lower() for column in query.selects}


def given(query: exp.Expr, parameters: Sequence[str]) -> exp.Expr:
    """The query with its execution parameters, each as it is typed into Athena.

    Raises
    ------
    MistypedError
        When there are more or fewer of them, or one stands outside of a `where`, where Athena takes none.
    """
    filled = query.copy()
    places = list(filled.find_all(exp.Placeholder, bfs=False))
    if len(places) != len(parameters):
        raise MistypedError(f"the query takes {len(places)} parameters and was given {len(parameters)}")
    for place, parameter in zip(places, parameters, strict=True):
        if not place.find_ancestor(exp.Where):
            raise MistypedError("Athena takes parameters in a where clause alone")
        place.replace(parsed(parameter))
    return filled


def run(connection: duckdb.DuckDBPyConnection, query: exp.Expr) -> pa.Table:
    """The rows of a statement of Athena's, translated for DuckDB."""
    return connection.sql(query.sql("duckdb", comments=False)).to_arrow_table()


def _check(node: exp.Expr) -> None:
    if isinstance(node, exp.Anonymous):
        raise MistypedError(f"nothing is known of the function {node.name}")
    if isinstance(node, exp.Column) and _family(node) is None and not _is_whole(node):
        raise MistypedError(f"nothing is known of the type of {node.sql(DIALECT)}")
    if isinstance(node, exp.Binary) and not isinstance(node, exp.Dot | exp.Connector):
        _require_same(node, [node.left, node.right])
    if isinstance(node, exp.Between):
        _require_same(node, [node.this, node.args["low"], node.args["high"]])
    if isinstance(node, exp.In):
        _require_same(node, [node.this, *node.expressions])
    if isinstance(node, exp.Sum | exp.Avg | exp.Abs) and _family(node.this) != _NUMBERS:
        raise MistypedError(f"{node.sql(DIALECT)} is of no number")
    if isinstance(node, exp.SetOperation):
        for left, right in zip(node.left.selects, node.right.selects, strict=True):
            _require_same(node, [left, right])


def _is_whole(column: exp.Column) -> bool:
    """Whether the column is a list, map or struct, which are handed on as they are."""
    return column.type is not None and column.type.is_type(exp.DType.ARRAY, exp.DType.MAP, exp.DType.STRUCT)


def _require_same(node: exp.Expr, parts: Iterable[exp.Expr]) -> None:
    families = [_family(part) for part in parts]
    if None in families or len(set(families)) > 1:
        raise MistypedError(f"types that do not go together ({families}) in {node.sql(DIALECT, comments=False)[:200]}")


def _family(node: exp.Expr) -> str | None:
    return _FAMILIES.get(node.type.this) if node.type is not None else None
