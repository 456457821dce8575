"""The statements that make the database and its views, rendered from the templates of `include/sql/athena/views`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from string import Template

import pyarrow as pa

from include.athena.readable import MANIFEST, is_masked, readable_tables
from include.errors import SettingsError
from include.lake.tables import Table
from include.sql_engine import sql_text

PREFIX = "published_"
"""What the name of every view begins with."""
DATABASE = "database"
"""Name of the statement that makes the database."""
_VIEWS = "athena/views"


@dataclass(frozen=True)
class Statement:
    """One statement that Athena runs.

    Attributes
    ----------
    name
        Name of the view, or `database`.
    sql
        The statement.
    database
        Database that it runs in; empty where it makes the database.
    """

    name: str
    sql: str
    database: str


def view_name(table: str) -> str:
    """Name of the view over a table.

    >>> view_name("alerts"), view_name("alerts_masked")
    ('published_alerts', 'published_alerts_masked')
    """
    return f"{PREFIX}{table}"


def statements(database: str, absent: frozenset[str] = frozenset()) -> list[Statement]:
    """Every statement of a deployment: the database first, then one view for each table that people may read.

    Parameters
    ----------
    database
        Name of the database.
    absent
        Names of the tables that the lake lacks, which get no view.
    """
    there = [table for name, table in readable_tables().items() if name not in absent]
    return [_database(database), *(_view(table, database) for table in there)]


def statement(name: str, database: str) -> Statement:
    """The statement of a name.

    Raises
    ------
    SettingsError
        When there is none of this name.
    """
    for each in statements(database):
        if each.name == name:
            return each
    raise SettingsError(f"no statement is called {name!r}: allowed are {DATABASE!r} and the names of the views")


def _database(database: str) -> Statement:
    return Statement(DATABASE, _rendered(DATABASE, database_name=database), "")


def _view(table: Table, database: str) -> Statement:
    name = view_name(table.name)
    sql = _rendered(
        _template(table),
        view_name=name,
        base_table=table.name,
        night_column=table.night_column,
        column_list=",\n    ".join(_columns(table)),
    )
    return Statement(name, sql, database)


def _template(table: Table) -> str:
    # The manifest itself holds the published runs alone.
    grain = "by_night" if table.night_column and table.name != MANIFEST else "whole"
    return f"{grain}_masked" if is_masked(table) else grain


def _rendered(template: str, **values: str) -> str:
    """The template with its values, without its header, which is for who reads the file."""
    lines = sql_text(_VIEWS, template).splitlines()
    return Template("\n".join(line for line in lines if not line.startswith("--"))).substitute(values)


def _columns(table: Table) -> Iterator[str]:
    for field in table.schema:
        yield _column(field)


def _column(field: pa.Field) -> str:
    """The column as the view shows it.

    The columns of a view are declared to Glue by the names of Hive's types, of which none is a time of day or a moment
    with a zone: a time of day is shown as the text HH:MM:SS, a moment as that of UTC.
    """
    name = f't."{field.name}"'
    if pa.types.is_time(field.type):
        return f'substr(cast({name} as varchar), 1, 8) as "{field.name}"'
    if pa.types.is_timestamp(field.type) and field.type.tz:
        return f'cast({name} as timestamp(6)) as "{field.name}"'
    return name
