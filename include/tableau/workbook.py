"""The workbook over the rolling extract: scatter, time series and district map, and the dashboard that shows them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, SubElement

from include.tableau.columns import Column, Field, each, measured
from include.tableau.contents import DISTRICT_MONTHS, FINDINGS, NIGHTS, Schemas, table_of
from include.tableau.datasource import (
    LATEST,
    VERSION,
    Calculation,
    Place,
    calculated_element,
    column_element,
    data_source,
    source_name,
)

Encoding = Literal["color", "size", "lod"]

# Sheets keep their identity in Tableau from one writing of the workbook to the next.
_IDENTITIES = uuid.UUID("6f1f7c53-3b26-4c7e-9d5f-1f0a6a6f2b11")
_WHOLE = 100_000
"""Width and height of a dashboard, in the units of its zones."""
_MARGIN = 1000
_DASHBOARD = "Night watch"
_PIXELS = {"maxheight": "900", "maxwidth": "1400", "minheight": "900", "minwidth": "1400"}


@dataclass(frozen=True)
class Sheet:
    """One chart.

    Attributes
    ----------
    name
        Name that people read.
    mart
        The mart that it shows.
    mark
        Tableau's kind of mark.
    rows, columns
        What is laid out downwards and across.
    encodings
        What colour, size and level of detail stand for.
    is_aggregated
        Whether marks stand for several rows.
    filters
        Computed columns that must be true of a row.
    is_map
        Whether rows and columns are degrees on a map.
    """

    name: str
    mart: str
    mark: str
    rows: tuple[Field, ...]
    columns: tuple[Field, ...]
    encodings: tuple[tuple[Encoding, Field], ...] = ()
    is_aggregated: bool = True
    filters: tuple[Calculation, ...] = ()
    is_map: bool = False

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every use of a column, each once."""
        used = (*self.rows, *self.columns, *(field for _, field in self.encodings), *map(_truth, self.filters))
        return tuple(dict.fromkeys(used))


def _truth(calculation: Calculation) -> Field:
    return each(calculation.column.name)


SHEETS: tuple[Sheet, ...] = (
    Sheet(
        name="Amount against score",
        mart=FINDINGS,
        mark="Circle",
        rows=(each("score", "quantitative"),),
        columns=(each("amount", "quantitative"),),
        # A break has no score and stands nowhere; the reason and the review's state tell the others apart.
        encodings=(("color", each("review_state")), ("lod", each("finding_id")), ("lod", each("code"))),
        is_aggregated=False,
    ),
    Sheet(
        name="Findings and volume by night",
        mart=NIGHTS,
        mark="Line",
        rows=(measured("findings", "Sum"), measured("published_rows", "Sum")),
        columns=(measured("settlement_date", "Day-Trunc"),),
    ),
    Sheet(
        name="Findings by district, this month",
        mart=DISTRICT_MONTHS,
        mark="Circle",
        rows=(measured("shown_latitude", "Avg"),),
        columns=(measured("shown_longitude", "Avg"),),
        # One row a district is left by the filter, so that its greatest value is its value.
        encodings=(
            ("size", measured("findings_per_thousand", "Max")),
            ("color", measured("findings_per_thousand", "Max")),
            ("lod", each("shown_district")),
        ),
        filters=(LATEST,),
        is_map=True,
    ),
)
"""The charts of the workbook."""


def workbook(schemas: Schemas, place: Place) -> Element:
    """The workbook over the tables of an extract.

    Parameters
    ----------
    schemas
        Columns of the extract's tables, by their names.
    place
        Where the tables lie.
    """
    book = Element(
        "workbook",
        {
            "original-version": VERSION,
            "source-build": "0.0.0 (0000.0.0.0)",
            "source-platform": "win",
            "version": VERSION,
        },
    )
    SubElement(SubElement(book, "document-format-change-manifest"), "ManifestByVersion")
    SubElement(book, "preferences")
    sources = SubElement(book, "datasources")
    for table, schema in schemas.items():
        sources.append(data_source(table, schema, place, _calculations(table)))
    SubElement(SubElement(book, "mapsources"), "mapsource", name="Tableau")
    sheets = SubElement(book, "worksheets")
    for sheet in SHEETS:
        sheets.append(_worksheet(sheet, schemas))
    SubElement(book, "dashboards").append(_dashboard())
    book.append(_windows())
    explain = SubElement(
        book, "explain-data", {"enabled-for-viewer": "false", "extreme-values-enabled-for-all": "false"}
    )
    SubElement(explain, "explanation-types")
    return book


def _calculations(table: str) -> tuple[Calculation, ...]:
    found = (calculation for sheet in SHEETS if _is_of(table, sheet) for calculation in sheet.filters)
    return tuple(dict.fromkeys(found))


def _is_of(table: str, sheet: Sheet) -> bool:
    return table in (table_of(sheet.mart, is_masked=is_masked).name for is_masked in (True, False))


def _table(sheet: Sheet, schemas: Schemas) -> str:
    return next(table for table in schemas if _is_of(table, sheet))


def _worksheet(sheet: Sheet, schemas: Schemas) -> Element:
    table = _table(sheet, schemas)
    source, columns = source_name(table), {field.name: Column.of(field) for field in schemas[table]}
    root = Element("worksheet", name=sheet.name)
    body = SubElement(root, "table")
    body.append(_view(sheet, source, columns))
    SubElement(body, "style")
    pane = SubElement(SubElement(body, "panes"), "pane", {"selection-relaxation-option": "selection-relaxation-allow"})
    SubElement(SubElement(pane, "view"), "breakdown", value="auto")
    SubElement(pane, "mark", {"class": sheet.mark})
    encodings = SubElement(pane, "encodings") if sheet.encodings else pane
    for kind, field in sheet.encodings:
        SubElement(encodings, kind, column=_qualified(source, field))
    SubElement(body, "rows").text = _shelf(source, sheet.rows)
    SubElement(body, "cols").text = _shelf(source, sheet.columns)
    root.append(_identity(sheet.name))
    return root


def _view(sheet: Sheet, source: str, columns: dict[str, Column]) -> Element:
    view = Element("view")
    SubElement(SubElement(view, "datasources"), "datasource", name=source)
    if sheet.is_map:
        SubElement(SubElement(view, "mapsources"), "mapsource", name="Tableau")
    view.append(_dependencies(sheet, source, columns))
    for calculation in sheet.filters:
        view.append(_filter(source, calculation))
    if sheet.filters:
        slices = SubElement(view, "slices")
        for calculation in sheet.filters:
            SubElement(slices, "column").text = _qualified(source, _truth(calculation))
    SubElement(view, "aggregation", value=str(sheet.is_aggregated).lower())
    return view


def _dependencies(sheet: Sheet, source: str, columns: dict[str, Column]) -> Element:
    """The columns that a sheet uses, those that a formula of it names, and the forms that it uses them in."""
    needed = Element("datasource-dependencies", datasource=source)
    computed = {calculation.column.name: calculation for calculation in sheet.filters}
    named = [name for calculation in sheet.filters for name in columns if f"[{name}]" in calculation.formula]
    for name in dict.fromkeys([*(field.column for field in sheet.fields), *named]):
        needed.append(calculated_element(computed[name]) if name in computed else column_element(columns[name]))
    for field in sheet.fields:
        SubElement(
            needed,
            "column-instance",
            column=f"[{field.column}]",
            derivation=field.derivation,
            name=field.name,
            pivot="key",
            type=field.type,
        )
    return needed


def _filter(source: str, calculation: Calculation) -> Element:
    field = _truth(calculation)
    root = Element("filter", {"class": "categorical", "column": _qualified(source, field)})
    SubElement(root, "groupfilter", function="member", level=field.name, member="true")
    return root


def _shelf(source: str, fields: Iterable[Field]) -> str:
    named = [_qualified(source, field) for field in fields]
    return named[0] if len(named) == 1 else f"({' + '.join(named)})"


def _qualified(source: str, field: Field) -> str:
    return f"[{source}].{field.name}"


def _dashboard() -> Element:
    """The time series above, the scatter and the map below it."""
    root = Element("dashboard", name=_DASHBOARD)
    SubElement(root, "style")
    SubElement(root, "size", _PIXELS)
    whole = SubElement(
        SubElement(root, "zones"),
        "zone",
        {"h": str(_WHOLE), "id": "1", "type-v2": "layout-basic", "w": str(_WHOLE), "x": "0", "y": "0"},
    )
    scatter, series, districts = SHEETS
    inner, half = _WHOLE - 2 * _MARGIN, (_WHOLE - 2 * _MARGIN) // 2
    places = (
        (series, _MARGIN, _MARGIN, inner, half),
        (scatter, _MARGIN, _MARGIN + half, half, half),
        (districts, _MARGIN + half, _MARGIN + half, half, half),
    )
    for number, (sheet, x, y, width, height) in enumerate(places, start=2):
        area = {"h": str(height), "w": str(width), "x": str(x), "y": str(y)}
        SubElement(whole, "zone", {**area, "id": str(number), "name": sheet.name})
    root.append(_identity(_DASHBOARD))
    return root


# Where Tableau puts its shelves around a sheet: edge, and for each strip its size and cards.
_CARDS = (
    ("left", ((160, ("pages", "filters", "marks")),)),
    ("top", ((2147483647, ("columns",)), (2147483647, ("rows",)), (31, ("title",)))),
)


def _windows() -> Element:
    """One tab for each sheet, and the dashboard's, which is open."""
    windows = Element("windows")
    for sheet in SHEETS:
        window = SubElement(windows, "window", {"class": "worksheet", "name": sheet.name})
        cards = SubElement(window, "cards")
        for edge, strips in _CARDS:
            side = SubElement(cards, "edge", name=edge)
            for size, kinds in strips:
                strip = SubElement(side, "strip", size=str(size))
                for kind in kinds:
                    SubElement(strip, "card", type=kind)
        window.append(_identity(f"window of {sheet.name}"))
    window = SubElement(windows, "window", {"class": "dashboard", "maximized": "true", "name": _DASHBOARD})
    viewpoints = SubElement(window, "viewpoints")
    for sheet in SHEETS:
        SubElement(viewpoints, "viewpoint", name=sheet.name)
    SubElement(window, "active", id="-1")
    window.append(_identity(f"window of {_DASHBOARD}"))
    return windows


def _identity(name: str) -> Element:
    return Element("simple-id", uuid=f"{{{str(uuid.uuid5(_IDENTITIES, name)).upper()}}}")
