"""Data sources of Tableau, one for each table: of an extract, and of Athena; as elements of XML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

import pyarrow as pa

from include.tableau.columns import Column, caption_of

VERSION = "26.2"
"""Version of Tableau's documents, 2026.2; the schema that tests hold them against is of this version."""
EXTRACT_SCHEMA = "public"
"""Schema of the tables in a .hyper file, which is Hyper's own default."""


@dataclass(frozen=True)
class Calculation:
    """A column that Tableau computes.

    Attributes
    ----------
    column
        Name, type and role.
    formula
        Formula over columns of the same data source, in Tableau's language.
    """

    column: Column
    formula: str


LATEST = Calculation(
    Column("is_latest_night", "boolean", "dimension", "nominal"),
    # The greatest date of the whole table, whatever a sheet is filtered by.
    "[settlement_date] = {MAX([settlement_date])}",
)
"""Whether a row is of the newest night: a mart that counts from the month's first day on must not be added up."""


@dataclass(frozen=True)
class Place:
    """Where a data source's table lies.

    Attributes
    ----------
    name
        Name of the connection within a data source.
    caption
        Name that people read.
    attributes
        Attributes of Tableau's connection; no credentials, which Tableau asks for.
    schema
        Schema or database of the table.
    """

    name: str
    caption: str
    attributes: dict[str, str]
    schema: str


def extract_place(file: str) -> Place:
    """The tables of an extract, which is found beside the document."""
    attributes = {
        "class": "hyper",
        "dbname": file,
        "default-settings": "yes",
        "schema": EXTRACT_SCHEMA,
        "server": "",
        "sslmode": "",
        "username": "",
    }
    return Place("hyper.extract", file, attributes, EXTRACT_SCHEMA)


def source_name(table: str) -> str:
    """The name of the data source of a table, which sheets refer to."""
    return f"federated.{table}"


def data_source(table: str, schema: pa.Schema, place: Place, calculations: Iterable[Calculation] = ()) -> Element:
    """The data source of one table.

    Parameters
    ----------
    table
        Name of the table or view at its place.
    schema
        Columns of the table.
    place
        Where the table lies.
    calculations
        Columns that Tableau computes.
    """
    source = Element("datasource", caption=caption_of(table), inline="true", name=source_name(table), version=VERSION)
    connection = SubElement(source, "connection", {"class": "federated"})
    named = SubElement(
        SubElement(connection, "named-connections"), "named-connection", caption=place.caption, name=place.name
    )
    SubElement(named, "connection", place.attributes)
    address = f"[{place.schema}].[{table}]"
    SubElement(connection, "relation", connection=place.name, name=table, table=address, type="table")
    SubElement(source, "aliases", enabled="yes")
    for field in schema:
        source.append(column_element(Column.of(field)))
    for calculation in calculations:
        source.append(calculated_element(calculation))
    return source


def column_element(column: Column) -> Element:
    """The declaration of a column."""
    attributes = {"datatype": column.datatype, "name": f"[{column.name}]", "role": column.role, "type": column.type}
    if column.semantic_role:
        # Degrees are averaged, never added up.
        attributes |= {"semantic-role": column.semantic_role, "aggregation": "Avg"}
    element = Element("column", {"caption": caption_of(column.name), **attributes})
    if column.meaning:
        SubElement(SubElement(SubElement(element, "desc"), "formatted-text"), "run").text = column.meaning
    return element


def calculated_element(calculation: Calculation) -> Element:
    """The declaration of a column that Tableau computes."""
    element = column_element(calculation.column)
    SubElement(element, "calculation", {"class": "tableau", "formula": calculation.formula})
    return element
