"""Charts of the console's pages: what is drawn, the words for who cannot see it, and the table beside it.

A chart is plain data. The page carries its option as a block of JSON, which `static/charts.js` hands to Apache ECharts;
where that library or scripts are missing, the sentence and the table are what there is.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from markupsafe import Markup

Number = int | float | Decimal | None
Cell = str | Number | date
Option = Mapping[str, Any]

INSTALLED = Path(sys.prefix) / "share" / "settlement-console" / "node_modules"
"""Folder of the environment into which set-up installs what charts are drawn with."""
LIBRARY = INSTALLED / "echarts" / "dist" / "echarts.min.js"
"""Apache ECharts as one file; absent where set-up could not reach a registry."""

MOST_ROWS = 200
"""Largest number of rows of the table beside a chart: more are scrolled past and never read."""
_FEW_DAYS = 45
"""Largest number of days whose points are marked one by one: more would touch each other on a telephone."""
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_DASHES = ("solid", "dashed", "dotted")


class Unit(StrEnum):
    """What the figures of an axis or a column are, which decides how they are written."""

    COUNT = "count"
    MONEY = "money"
    SHARE = "share"
    SCORE = "score"
    NUMBER = "number"
    HOUR = "hour"


class Colour(StrEnum):
    """A colour by its meaning; `static/charts.js` has its shade in the light and in the dark."""

    MAIN = "@main"
    SECOND = "@second"
    THIRD = "@third"
    GOOD = "@good"
    WARN = "@warn"
    BAD = "@bad"
    MUTED = "@muted"
    BAND = "@band"
    INK = "@ink"
    FAINT = "@faint"
    PAPER = "@paper"
    LEVEL1 = "@level1"
    LEVEL2 = "@level2"
    LEVEL3 = "@level3"
    LEVEL4 = "@level4"
    LEVEL5 = "@level5"


_PALETTE = (Colour.MAIN, Colour.SECOND, Colour.THIRD, Colour.GOOD, Colour.WARN, Colour.MUTED)
"""Colours of series that name none, in their order."""
_DAY_MS = 24 * 3600 * 1000
"""A day in ECharts' own unit: an axis of few days must not name one of them twice."""
_SHORTEST_MONTH_MS = 28 * _DAY_MS
_DATED_DAYS = 120
"""Longest span in days whose axis names days: four months of them still fit below a chart."""


@dataclass(frozen=True)
class ChartTable:
    """The figures of a chart as a table.

    Attributes
    ----------
    columns
        Heading of each column with the unit of its numbers.
    rows
        Cells; a text is shown as it stands, a number by the unit of its column.
    left_out
        Number of rows that are not in the table.
    """

    columns: Sequence[tuple[str, Unit]]
    rows: Sequence[Sequence[Cell]]
    left_out: int = 0

    @classmethod
    def of(cls, columns: Sequence[tuple[str, Unit]], rows: Sequence[Sequence[Cell]]) -> ChartTable:
        """A table of the first rows, which says how many it leaves out."""
        return cls(columns, rows[:MOST_ROWS], max(0, len(rows) - MOST_ROWS))

    @property
    def cells(self) -> list[list[tuple[str, bool]]]:
        """The cells as people read them, each with whether it is a number."""
        units = [unit for _, unit in self.columns]
        return [
            [(told(cell, unit), _is_number(cell)) for cell, unit in zip(row, units, strict=True)] for row in self.rows
        ]


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes
    ----------
    name
        Name of the chart within its page, as letters and hyphens.
    title
        Heading.
    summary
        What the chart shows, as a sentence with its most important figures: who cannot see it reads this.
    option
        ECharts' option as plain JSON. A colour may be a `Colour`; an axis may carry its `unit`, and a series the `unit`
        of its values, where it is not the chart's; an item may carry `href`, an address below the console's own, which
        a click opens, and `text`, which its tooltip shows.
    table
        The same figures as a table.
    unit
        Unit of the values.
    height
        `small` for one among many, `wide` for a strip, `middle`, or `tall`.
    maps
        GeoJSON of the maps that the option names.
    meaning
        Answer to "what's this?"; not asked when empty.
    """

    name: str
    title: str
    summary: str
    option: Option
    table: ChartTable
    unit: Unit = Unit.COUNT
    height: Literal["small", "wide", "middle", "tall"] = "middle"
    maps: Mapping[str, Any] = field(default_factory=dict)
    meaning: str = ""

    @property
    def has_figures(self) -> bool:
        """Whether there is anything to draw; where there is not, the sentence says why."""
        return any(is_number for row in self.table.cells for _, is_number in row)

    @property
    def data(self) -> Markup:
        """What the script reads, as JSON that ends no element of the page."""
        told_to_script = {"option": self.option, "unit": self.unit, "maps": self.maps}
        text = json.dumps(_plain(told_to_script), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
        # Nothing is left in it that HTML would read as markup.
        return Markup("".join(_UNSAFE.get(letter, letter) for letter in text))  # noqa: S704 # nosec B704


@dataclass(frozen=True)
class Series:
    """One line, or one row of bars, over the days of a chart.

    Attributes
    ----------
    name
        Name in the legend and in the table.
    values
        One value for each day; None where there is none.
    kind
        `line`, `step` for a line that holds its value until the next one, or `bar`.
    colour
        Colour; the next of the palette when None.
    stack
        Name of the pile that bars with the same name stand on.
    hrefs
        Address for each day, which a click opens; no addresses when empty.
    """

    name: str
    values: Sequence[Number]
    kind: Literal["line", "step", "bar"] = "line"
    colour: Colour | None = None
    stack: str = ""
    hrefs: Sequence[str] = ()


@dataclass(frozen=True)
class Band:
    """What is normal on each day, from `low` to `high`, drawn as an area behind the lines; None where unknown."""

    name: str
    low: Sequence[Number]
    high: Sequence[Number]


@dataclass(frozen=True)
class Mark:
    """A point of a day that is marked with a pin, such as an odd posting; `href` opens on a click."""

    day: date
    value: Number
    text: str
    href: str = ""
    colour: Colour = Colour.BAD


def over_days(
    name: str,
    title: str,
    summary: str,
    days: Sequence[date],
    series: Sequence[Series],
    *,
    unit: Unit = Unit.COUNT,
    span: tuple[date, date] | None = None,
    is_monthly: bool = False,
    band: Band | None = None,
    marks: Sequence[Mark] = (),
    limit: tuple[str, float] | None = None,
    height: Literal["small", "wide", "middle", "tall"] = "middle",
    meaning: str = "",
) -> Chart:
    """A chart of one or several series over days, oldest first.

    Parameters
    ----------
    days
        The days, in order; days between them that are missing leave a gap of their width.
    series
        Lines and bars, each with a value for each day.
    unit
        Unit of all values.
    span
        First and last day of the axis; those of the values when None.
    is_monthly
        Whether each day stands for the month that it begins.
    band
        What is normal, behind the lines.
    marks
        Points of some days to be marked.
    limit
        Name and height of a line across the chart, such as a threshold.
    height, meaning
        As of `Chart`.

    Raises
    ------
    ValueError
        When a series has another number of values than there are days.
    """
    drawn = [_series(each, place, days) for place, each in enumerate(series)]
    named = [*(each.name for each in series), *([band.name] if band else ())]
    has_legend = len(named) > 1 and height != "small"
    option = {
        "legend": {"show": has_legend, "bottom": 0, "type": "scroll", "data": named},
        "grid": {"left": 8, "right": 28, "top": 16, "bottom": 36 if has_legend else 8},
        "tooltip": {"trigger": "axis"},
        "xAxis": day_axis(span or days, is_whole=span is not None, is_monthly=is_monthly),
        "yAxis": {"type": "value", "unit": unit, "minInterval": 1 if unit == Unit.COUNT else 0},
        "series": [*(_band(band, days) if band else ()), *drawn, *_marks(marks), *_limit(limit)],
    }
    table = _table_over_days(days, series, band, unit)
    return Chart(name, title, summary, option, table, unit, height, meaning=meaning)


MOST_CODES = 6
"""Largest number of codes with bars of their own: as many as the palette has colours; the others are shown as one."""


def by_code(
    name: str,
    title: str,
    summary: str,
    days: Sequence[date],
    counts: Sequence[Mapping[str, int]],
    hrefs: Sequence[str],
) -> Chart:
    """Bars of each day, piled up by code, the most frequent at the bottom.

    Parameters
    ----------
    counts
        Number of each code on each day.
    hrefs
        Address for each day, which a click opens.
    """
    total = total_of(counts)
    codes = [code for code, _ in total.most_common(MOST_CODES)]
    piles = [Series(spoken(code), [each.get(code, 0) for each in counts], "bar", None, "all", hrefs) for code in codes]
    others = [sum(number for code, number in each.items() if code not in codes) for each in counts]
    if any(others) or not piles:
        piles.append(Series("others" if piles else "none", others, "bar", None, "all", hrefs))
    return over_days(name, title, summary, days, piles, height="wide")


def total_of(counts: Sequence[Mapping[str, int]]) -> Counter[str]:
    """Number of each code on all days."""
    total = Counter[str]()
    for each in counts:
        total.update(each)
    return total


def most_told(total: Mapping[str, int]) -> str:
    """The three most frequent codes in words.

    >>> most_told({"fee_amount": 1200, "interest": 7})
    'fee amount 1,200, interest 7'
    """
    return ", ".join(f"{spoken(code)} {number:,}" for code, number in Counter(total).most_common(3))


def spoken(code: str | None) -> str:
    """A code as people read it.

    >>> spoken("balance_chain")
    'balance chain'
    """
    return str(code or "none").replace("_", " ")


def day_axis(days: Sequence[date], *, is_whole: bool = False, is_monthly: bool = False) -> dict[str, Any]:
    """The axis below a chart over days: it names days, and for a long span months, each of them once.

    Parameters
    ----------
    days
        The days, or the first and the last of them, in order.
    is_whole
        Whether the axis reaches from the first to the last of them even where nothing is drawn there.
    is_monthly
        Whether each day stands for the month that it begins.
    """
    is_long = is_monthly or (bool(days) and (days[-1] - days[0]).days > _DATED_DAYS)
    ends = {"min": days[0], "max": days[-1]} if is_whole else {}
    return {
        "type": "time",
        "minInterval": _SHORTEST_MONTH_MS if is_long else _DAY_MS,
        "axisLabel": {"formatter": "{MMM} {yyyy}" if is_long else "{d} {MMM}"},
        **ends,
    }


def _series(each: Series, place: int, days: Sequence[date]) -> dict[str, Any]:
    if len(each.values) != len(days):
        raise ValueError(f"series {each.name!r} has {len(each.values)} values for {len(days)} days: give one for each")
    hrefs = each.hrefs or [""] * len(days)
    data = [
        {"value": [day, value], **({"href": href} if href else {})}
        for day, value, href in zip(days, each.values, hrefs, strict=True)
    ]
    look = {"color": each.colour or _PALETTE[place % len(_PALETTE)]}
    shared = {"name": each.name, "data": data, "itemStyle": look}
    if each.kind == "bar":
        return {**shared, "type": "bar", "barMaxWidth": 24, **({"stack": each.stack} if each.stack else {})}
    line = {"lineStyle": {**look, "type": _DASHES[place % len(_DASHES)], "width": 2}}
    return {
        **shared,
        **line,
        "type": "line",
        "step": "end" if each.kind == "step" else False,
        "showSymbol": len(days) <= _FEW_DAYS,
    }


def _band(band: Band, days: Sequence[date]) -> list[dict[str, Any]]:
    """An area: an unseen line at its lower edge, and one stacked on it whose area is filled."""
    width = [None if low is None or high is None else high - low for low, high in zip(band.low, band.high, strict=True)]  # type: ignore[operator]
    edge = {"type": "line", "stack": band.name, "stackStrategy": "all", "showSymbol": False, "silent": True}
    unseen = {**edge, "lineStyle": {"opacity": 0}, "tooltip": {"show": False}}
    lower = {**unseen, "name": f"{band.name} from", "data": _pairs(days, band.low)}
    # A pattern over so wide an area would hide the lines.
    filled = {
        "areaStyle": {"color": Colour.BAND, "opacity": 1},
        "itemStyle": {"color": Colour.BAND, "decal": {"color": "transparent"}},
    }
    return [lower, {**unseen, **filled, "name": band.name, "data": _pairs(days, width)}]


def _pairs(days: Sequence[date], values: Sequence[Number]) -> list[list[Any]]:
    return [[day, value] for day, value in zip(days, values, strict=True)]


def _marks(marks: Sequence[Mark]) -> list[dict[str, Any]]:
    if not marks:
        return []
    data = [
        {
            "value": [mark.day, mark.value],
            "text": mark.text,
            "itemStyle": {"color": mark.colour},
            **({"href": mark.href} if mark.href else {}),
        }
        for mark in marks
    ]
    return [{"type": "scatter", "name": "marked", "symbol": "diamond", "symbolSize": 13, "data": data, "z": 5}]


def _limit(limit: tuple[str, float] | None) -> list[dict[str, Any]]:
    if limit is None:
        return []
    name, height = limit
    line = {"symbol": "none", "data": [{"yAxis": height}], "lineStyle": {"color": Colour.BAD, "type": "dashed"}}
    label = {"formatter": name, "position": "insideEndTop", "color": Colour.INK, "textBorderWidth": 0}
    return [{"type": "line", "name": name, "data": [], "markLine": {**line, "label": label, "silent": True}}]


def _table_over_days(days: Sequence[date], series: Sequence[Series], band: Band | None, unit: Unit) -> ChartTable:
    """One row a day, newest first, as people ask for the newest."""
    edges = [(f"{band.name} from", band.low), (f"{band.name} to", band.high)] if band else []
    told_columns = [*((each.name, each.values) for each in series), *edges]
    rows = [[day, *(values[place] for _, values in told_columns)] for place, day in enumerate(days)]
    return ChartTable.of([("Day", Unit.COUNT), *((name, unit) for name, _ in told_columns)], rows[::-1])


def told(cell: Cell, unit: Unit) -> str:
    """A cell as people read it.

    >>> told(1234, Unit.COUNT), told(Decimal("1234.5"), Unit.MONEY), told(0.0213, Unit.SHARE), told(None, Unit.COUNT)
    ('1,234', '1,234.50', '2.13%', '–')
    """
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return "–"
    if isinstance(cell, str | date):
        return str(cell)
    return _FORMATS[unit].format(_rounded(float(cell)) if unit == Unit.COUNT else cell)


def _rounded(count: float) -> float:
    """A count, or a quantile of counts, without digits that nobody reads.

    >>> _rounded(12.0), _rounded(12.4), _rounded(2.35)
    (12, 12, 2.4)
    """
    return round(count) if abs(count) >= 10 or count.is_integer() else round(count, 1)


_FORMATS: Mapping[Unit, str] = {
    Unit.COUNT: "{:,}",
    Unit.MONEY: "{:,.2f}",
    Unit.SHARE: "{:.2%}",
    Unit.SCORE: "{:.3f}",
    Unit.NUMBER: "{:,.6g}",
    Unit.HOUR: "{:g}",
}


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float | Decimal)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever an option holds
    """A value as JSON has it: money as numbers, days as text, what is no number as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
