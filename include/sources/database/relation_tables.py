"""Finds the tables and columns of a database that hold the bank's relations, by their names alone."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.sql import ColumnElement, TableClause
from sqlalchemy.types import NullType

from include.errors import SourceError
from include.relations import RELATIONS, Relation
from include.sources.database.values import is_single
from include.sources.dialects import CANONICAL, Dialect
from include.sources.forms import single_precision_note
from include.sources.header import layout_of_header

_SHORT_NAMES = {"fin_disposition": "fin_disp", "fin_transaction": "fin_trans"}
"""Other names of two relations' tables, those of the Teradata dialect."""


@dataclass(frozen=True)
class BankTable:
    """One relation's table or view.

    Attributes
    ----------
    relation
        Relation that the table holds.
    table
        Table as an expression to select from, with the database's column names.
    columns
        Name of each column in the database, by canonical name; optional columns may be missing.
    key_is_unique
        Whether the database itself ensures that no two rows share the relation's key.
    uri
        Address that is recorded as the origin of its rows.
    notes
        Sentences for people.
    dialect
        Dialect in which its texts are read.
    """

    relation: Relation
    table: TableClause
    columns: Mapping[str, str]
    key_is_unique: bool
    uri: str
    notes: tuple[str, ...]
    dialect: Dialect

    def column(self, name: str) -> ColumnElement[Any]:
        """The column that holds a canonical column."""
        return self.table.c[self.columns[name]]

    @property
    def absent_columns(self) -> frozenset[str]:
        """Optional columns the table does not have."""
        return frozenset(self.relation.source_schema.names) - self.columns.keys()


def find_tables(connection: Connection, uri: str, dialect: Dialect = CANONICAL) -> dict[str, BankTable]:
    """The relations a database holds, by canonical name; letter case does not matter.

    Raises
    ------
    SourceError
        When a required table or column is missing, or a relation is there twice.
    """
    inspector = sa.inspect(connection)
    present = sorted({*inspector.get_table_names(), *inspector.get_view_names()})
    if connection.dialect.name == "postgresql":
        present = sorted({*present, *inspector.get_materialized_view_names()})
    names = {relation.name: _name_of(relation, present, uri) for relation in RELATIONS.values()}
    missing = [r.name for r in RELATIONS.values() if r.required and names[r.name] is None]
    if missing:
        raise SourceError(_missing_tables(missing, present, uri), place=uri)
    return {name: _described(inspector, RELATIONS[name], table, uri, dialect) for name, table in names.items() if table}


def _name_of(relation: Relation, present: Sequence[str], uri: str) -> str | None:
    wanted = (relation.name, _SHORT_NAMES.get(relation.name, relation.name))
    hits = [name for name in present if name.lower() in wanted]
    if len(hits) > 1:
        raise SourceError(
            f"{uri} holds {relation.name} more than once, as {', '.join(hits)}: keep one of them in this schema, or "
            "let the address name another (?options=-csearch_path%3Dother)",
            place=uri,
            relation=relation.name,
        )
    return hits[0] if hits else None


def _missing_tables(missing: Sequence[str], present: Sequence[str], uri: str) -> str:
    found = ", ".join(present[:20]) + (" ..." if len(present) > 20 else "") if present else "no tables at all"
    return (
        f"{uri} lacks the required tables {', '.join(missing)}. Found {found}. {_likely(missing, present)}"
        "Create views with these names over the tables that hold them, or, if they lie in another schema, let the "
        "address name it (?options=-csearch_path%3Dother)"
    )


def _likely(wanted: Sequence[str], present: Sequence[str]) -> str:
    """A question about names that look like the wanted ones; empty when none does."""
    low = {name.lower(): name for name in present}
    close = {name: difflib.get_close_matches(name, low, n=1) for name in wanted}
    pairs = [f"{low[hits[0]]!r} for {name}" for name, hits in close.items() if hits]
    return f"Did you mean {', '.join(pairs)}? " if pairs else ""


def _described(inspector: Inspector, relation: Relation, name: str, uri: str, dialect: Dialect) -> BankTable:
    reflected = inspector.get_columns(name)
    names = [column["name"] for column in reflected]
    uri = f"{uri}/{name}"
    _require_columns(relation, names, uri)
    layout = layout_of_header(names, relation, dialect, uri)
    columns = {column: names[position] for column, position in layout.positions.items()}
    # A SQLite column holds values of any type, whatever it declares.
    lax = inspector.dialect.name == "sqlite"
    table = sa.table(name, *(sa.column(c["name"], NullType() if lax else c["type"]) for c in reflected))
    is_unique = _is_unique(inspector, name, columns[relation.key])
    notes = (*layout.notes, *single_precision_note(uri, _single_precision(relation, table, columns)))
    return BankTable(relation, table, columns, is_unique, uri, notes, dialect)


def _single_precision(relation: Relation, table: TableClause, columns: Mapping[str, str]) -> list[str]:
    money = [columns[c.name] for c in relation.columns if c.kind == "money" and c.name in columns]
    return [name for name in money if is_single(table.c[name].type)]


def _require_columns(relation: Relation, names: Sequence[str], uri: str) -> None:
    low = {name.strip().lower() for name in names}
    missing = [c.name for c in relation.source_columns if not c.optional and c.name not in low]
    if not missing:
        return
    extra = [name for name in names if name.lower() not in relation.schema.names]
    raise SourceError(
        f"{uri} ({relation.name}) lacks the columns {', '.join(missing)}. Found {', '.join(names)}. "
        f"{_likely(missing, extra)}Create a view that names its columns {', '.join(relation.source_schema.names)}",
        place=uri,
        relation=relation.name,
    )


def _is_unique(inspector: Inspector, table: str, key: str) -> bool:
    if inspector.get_pk_constraint(table).get("constrained_columns") == [key]:
        return True
    whole = [i for i in inspector.get_indexes(table) if i["unique"] and not _is_partial(i.get("dialect_options", {}))]
    unique = [*inspector.get_unique_constraints(table), *whole]
    return any(constraint["column_names"] == [key] for constraint in unique)


def _is_partial(options: Mapping[str, Any]) -> bool:
    return any(name.endswith("_where") for name in options)
