"""Checks what Tableau's own schema does not: that every reference in a document leads to something that is there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import pyarrow as pa

from include.errors import TerminalError
from include.tableau.columns import AGGREGATES, KEYS, PREFIXES, datatype_of

_RELATION = re.compile(r"\[[^]]+\]\.\[([^]]+)\]")
_BRACKETED = re.compile(r"\[([^]]+)\]")
_QUALIFIED = re.compile(r"\[([^]]+)\]\.(\[[^]]+\])")
_FUNCTIONS_OF_TIME = ("date", "datetime")


@dataclass(frozen=True)
class _Declared:
    """A column as a data source declares it."""

    datatype: str
    role: str


def check_references(document: Element, schemas: Mapping[str, pa.Schema]) -> None:
    """Check every table, column, instance, sheet and type that a workbook or data source names.

    Parameters
    ----------
    document
        Root of a workbook, or a data source.
    schemas
        Columns of the tables that data sources may read, by the table's name.

    Raises
    ------
    TerminalError
        Naming everything that leads nowhere or has another type.
    """
    sources = [document] if document.tag == "datasource" else document.findall("datasources/datasource")
    declared: dict[str, dict[str, _Declared]] = {}
    wrong: list[str] = []
    for source in sources:
        wrong += _faults_of_source(source, schemas)
        declared[source.get("name", "")] = _columns_of(source)
    for sheet in document.findall("worksheets/worksheet"):
        wrong += (f"sheet {sheet.get('name')}: {fault}" for fault in _faults_of_sheet(sheet, declared))
    wrong += _faults_of_sheet_names(document)
    if wrong:
        raise TerminalError(
            f"the Tableau document refers to what is not there: {'; '.join(wrong)}. This is a defect of the program: "
            "hold include/tableau/workbook.py against the marts' columns"
        )


def _columns_of(source: Element) -> dict[str, _Declared]:
    return {
        _unbracketed(column.get("name", "")): _Declared(column.get("datatype", ""), column.get("role", ""))
        for column in source.findall("column")
    }


def _faults_of_source(source: Element, schemas: Mapping[str, pa.Schema]) -> Iterator[str]:
    where = f"data source {source.get('name')}"
    relation = source.find("connection/relation")
    address = _RELATION.fullmatch(relation.get("table", "")) if relation is not None else None
    schema = schemas.get(address[1]) if address else None
    if relation is None or schema is None:
        yield f"{where}: there is no table {relation.get('table') if relation is not None else None}"
        return
    connections = {named.get("name") for named in source.findall("connection/named-connections/named-connection")}
    if relation.get("connection") not in connections:
        yield f"{where}: there is no connection {relation.get('connection')}"
    for column in source.findall("column"):
        yield from (f"{where}: {fault}" for fault in _faults_of_column(column, schema))


def _faults_of_column(column: Element, schema: pa.Schema) -> Iterator[str]:
    name = _unbracketed(column.get("name", ""))
    calculation = column.find("calculation")
    if calculation is not None:
        named = _BRACKETED.findall(calculation.get("formula", ""))
        yield from (f"the formula of {name} names {each}" for each in named if each not in schema.names)
    elif name not in schema.names:
        yield f"there is no column {name}"
    elif column.get("datatype") != datatype_of(schema.field(name).type):
        yield f"{name} is declared as {column.get('datatype')} and is {datatype_of(schema.field(name).type)}"


def _faults_of_sheet(sheet: Element, declared: Mapping[str, Mapping[str, _Declared]]) -> Iterator[str]:
    instances: dict[str, set[str]] = {}
    for needed in sheet.iter("datasource-dependencies"):
        source = needed.get("datasource", "")
        if source not in declared:
            yield f"there is no data source {source}"
            continue
        yield from _faults_of_dependencies(needed, declared[source])
        instances[source] = {instance.get("name", "") for instance in needed.findall("column-instance")}
    shown = {shown.get("name") for shown in sheet.findall("table/view/datasources/datasource")}
    if shown != instances.keys():
        yield f"it lists the data sources {sorted(map(str, shown))} and depends on {sorted(instances)}"
    for chosen in sheet.iter("filter"):
        levels = {group.get("level", "") for group in chosen.iter("groupfilter")}
        yield from (f"a filter of {chosen.get('column')} names {level}" for level in levels if not _ends(chosen, level))
    for source, instance in _uses(sheet):
        if instance not in instances.get(source, ()):
            yield f"[{source}].{instance} is used and not declared"


def _faults_of_dependencies(needed: Element, columns: Mapping[str, _Declared]) -> Iterator[str]:
    local = {}
    for column in needed.findall("column"):
        name = _unbracketed(column.get("name", ""))
        local[name] = column
        if columns.get(name) != _Declared(column.get("datatype", ""), column.get("role", "")):
            yield f"the data source declares no {column.get('datatype')} {column.get('role')} {name}"
    for instance in needed.findall("column-instance"):
        name = _unbracketed(instance.get("column", ""))
        if name not in local:
            yield f"{instance.get('name')} is of {name}, which is not declared"
        else:
            yield from _faults_of_instance(instance, name, local[name])


def _faults_of_instance(instance: Element, column: str, declared: Element) -> Iterator[str]:
    derivation, kind = instance.get("derivation", ""), instance.get("type", "")
    prefix = {str(key): value for key, value in PREFIXES.items()}.get(derivation)
    key = {str(name): value for name, value in KEYS.items()}.get(kind)
    if instance.get("name") != f"[{prefix}:{column}:{key}]":
        yield f"{instance.get('name')} is the {kind} {derivation} of {column}"
    if derivation in AGGREGATES and declared.get("role") != "measure":
        yield f"{instance.get('name')} brings together values of {column}, which is no measure"
    if derivation == "Day-Trunc" and declared.get("datatype") not in _FUNCTIONS_OF_TIME:
        yield f"{instance.get('name')} is a day of {column}, which is no time"


def _ends(chosen: Element, level: str) -> bool:
    return chosen.get("column", "").endswith(f".{level}")


def _uses(sheet: Element) -> Iterator[tuple[str, str]]:
    """Every data source and instance that shelves, marks and filters of a sheet name."""
    table = sheet.find("table")
    shelves = [] if table is None else [table.findtext("rows") or "", table.findtext("cols") or ""]
    named = [element.get("column", "") for mark in sheet.iter("encodings") for element in mark]
    named += [element.get("column", "") for element in sheet.iter("filter")]
    named += [element.text or "" for element in sheet.findall("table/view/slices/column")]
    for text in (*shelves, *named):
        found = _QUALIFIED.findall(text)
        yield from found
        if text.strip() and not found:
            yield "", text


def _faults_of_sheet_names(document: Element) -> Iterator[str]:
    sheets = [sheet.get("name", "") for sheet in document.findall("worksheets/worksheet")]
    dashboards = [dashboard.get("name", "") for dashboard in document.findall("dashboards/dashboard")]
    zones = {zone.get("name", "") for zone in document.iter("zone") if zone.get("name")}
    views = {view.get("name", "") for view in document.iter("viewpoint")}
    windows = {window.get("name", "") for window in document.findall("windows/window")}
    yield from (f"there is no sheet {name}, which a dashboard shows" for name in sorted((zones | views) - {*sheets}))
    yield from (f"there is no sheet {name}, which has a window" for name in sorted(windows - {*sheets, *dashboards}))
    yield from (f"{name} is the name of two sheets" for name in sorted({n for n in sheets if sheets.count(n) > 1}))


def _unbracketed(name: str) -> str:
    return name.removeprefix("[").removesuffix("]")
