"""The plots of the page: scatter, time series and the two maps; a selection in one leads to a narrower choice."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from plugins.settlement_console.charts import (
    Chart,
    ChartTable,
    Colour,
    Number,
    Series,
    Unit,
    by_code,
    most_told,
    over_days,
    spoken,
    told,
    total_of,
)
from plugins.settlement_console.explore.choice import AXES, Axis, Choice
from plugins.settlement_console.explore.districts import DistrictRow
from plugins.settlement_console.explore.series import Point
from plugins.settlement_console.wording import number_of

LEVELS = 5
"""Number of shades of a map: more are not told apart."""
_MAP = "districts"
_MEANINGS: Mapping[str, str] = {
    "codes": "Breaks by the check that found them, and flagged postings by the code of their strongest reason.",
    "at-risk": "Sum of what the chosen findings are about: the difference of a break, the amount of a flagged posting.",
    "volume": "All postings that were let in, whatever is chosen below the nights.",
    "share": "Flagged postings among all that were let in. The threshold is set for the alert budget of a month.",
    "scores": "Half of a night's postings score below its median, and so on; what lies above the threshold is flagged. "
    "A rise of all lines together means that the bank has changed, rather than a few accounts.",
    "map-rate": "The chosen findings on accounts whose owners live in the district, of a thousand of their postings. "
    "Where there are few postings one finding is much: see them in the table.",
    "map-money": "What the chosen findings on accounts whose owners live in the district are about, in sum.",
}
"""Answers to "what's this?" by the name of the chart."""
_SHADES = (Colour.LEVEL1, Colour.LEVEL2, Colour.LEVEL3, Colour.LEVEL4, Colour.LEVEL5)


def scatter_of(
    choice: Choice, points: Sequence[Mapping[str, Any]], count: int, findings: Mapping[Any, tuple[str, str]]
) -> Chart:
    """The scatter of postings.

    Parameters
    ----------
    points
        Postings, those with a finding first.
    count
        Number of postings that the points are a sample of.
    findings
        Id and code of the finding on a posting, by posting.
    """
    x, y = AXES[choice.x], AXES[choice.y]
    found = [point for point in points if point["trans_id"] in findings]
    others = [point for point in points if point["trans_id"] not in findings]
    option = {
        "legend": {"bottom": 0, "data": ["with a finding", "without"]},
        "grid": {"left": 24, "right": 24, "top": 28, "bottom": 56},
        "tooltip": {"trigger": "item"},
        "xAxis": _axis(x, "center", 24),
        "yAxis": _axis(y, "end", 12),
        # With the other axis named, too, ECharts 6.1 takes no drawing at all.
        "brush": {"xAxisIndex": 0, "toolbox": []},
        "toolbox": {"show": False},
        "select": {
            "brushType": "rect",
            "x": [f"{x.name}_from", f"{x.name}_to"],
            "y": [f"{y.name}_from", f"{y.name}_to"],
        },
        "series": [
            _dots("without", others, x, y, {"color": Colour.MUTED, "opacity": 0.45}, "circle", 5),
            _findings(found, x, y, findings),
        ],
    }
    rows = [
        [str(point["settlement_date"]), point[x.name], point[y.name], spoken(findings[point["trans_id"]][1])]
        for point in found
    ]
    columns = [("Night", Unit.COUNT), (x.title, x.unit), (y.title, y.unit), ("Finding", Unit.COUNT)]
    sampled = (
        f"; of the {count:,} the plot shows {len(points):,}, those with a finding first" if count > len(points) else ""
    )
    read = number_of(count, "posting")
    summary = f"{read}, {len(found):,} of the shown ones with a finding{sampled}. The table lists those."
    title = f"{y.title} against {x.title.lower()}"
    meaning = f"{x.title}: {x.meaning} {y.title}: {y.meaning}"
    return Chart("scatter", title, summary, option, ChartTable.of(columns, rows), y.unit, "tall", meaning=meaning)


def _axis(axis: Axis, place: str, gap: int) -> dict[str, Any]:
    """An axis of the scatter; amounts lie on a logarithm, as a few large ones would press all others together."""
    shared = {"name": axis.title, "nameLocation": place, "nameGap": gap, "unit": axis.unit}
    return {**shared, "type": "log"} if axis.unit == Unit.MONEY else {**shared, "type": "value", "scale": True}


def _place(value: float, axis: Axis) -> float:
    """Where a value is drawn: below one, which a logarithm has no room for, amounts are drawn at one."""
    return max(value, 1.0) if axis.unit == Unit.MONEY else value


def _dots(
    name: str, points: Sequence[Mapping[str, Any]], x: Axis, y: Axis, look: Mapping[str, Any], symbol: str, size: int
) -> dict[str, Any]:
    data = [_position(point, x, y) for point in points]
    shared = {"type": "scatter", "name": name, "symbol": symbol, "symbolSize": size, "itemStyle": look}
    return {**shared, "silent": True, "data": data}


def _position(point: Mapping[str, Any], x: Axis, y: Axis) -> list[float]:
    return [_place(point[axis.name], axis) for axis in (x, y)]


def _findings(
    points: Sequence[Mapping[str, Any]], x: Axis, y: Axis, findings: Mapping[Any, tuple[str, str]]
) -> dict[str, Any]:
    data = []
    for point in points:
        finding_id, code = findings[point["trans_id"]]
        words = [f"{point['settlement_date']}: {spoken(code)}"]
        words += [f"{axis.title}: {told(point[axis.name], axis.unit)}" for axis in (x, y)]
        href = {"href": f"/findings/{finding_id}"} if finding_id else {}
        data.append({"value": _position(point, x, y), "text": "\n".join(words), **href})
    series = _dots("with a finding", (), x, y, {"color": Colour.BAD}, "diamond", 11)
    return {**series, "silent": False, "data": data, "z": 3}


def series_plots(choice: Choice, points: Sequence[Point]) -> list[Chart]:
    """The time series: findings by code and their money, volume, flagged share, and quantiles of the scores."""
    if not points:
        return []
    hrefs = [replace(choice, first=point.first, last=point.last).address for point in points]
    return [_explained(_selectable(chart)) for chart in (_codes(points, hrefs), *_figures(points, hrefs))]


def _explained(chart: Chart) -> Chart:
    return replace(chart, meaning=_MEANINGS[chart.name])


def _selectable(chart: Chart) -> Chart:
    """The chart with days to be selected by drawing over them."""
    select = {"brushType": "lineX", "x": ["from", "to"], "isDays": True}
    brush = {"xAxisIndex": 0, "toolbox": []}
    return replace(chart, option={**chart.option, "brush": brush, "toolbox": {"show": False}, "select": select})


def _codes(points: Sequence[Point], hrefs: Sequence[str]) -> Chart:
    counts = [point.codes for point in points]
    total = total_of(counts)
    most = f"{number_of(sum(total.values()), 'finding')} of the choice; most: {most_told(total)}."
    summary = most if total else "No finding in this choice."
    return by_code("codes", "Findings by check and reason", summary, [point.first for point in points], counts, hrefs)


def _figures(points: Sequence[Point], hrefs: Sequence[str]) -> list[Chart]:
    return [
        _line(
            "at-risk", "Money at risk", points, hrefs, lambda point: point.money, Unit.MONEY, "of the chosen findings"
        ),
        _line(
            "volume", "Postings published", points, hrefs, lambda point: point.volume, Unit.COUNT, "of the whole bank"
        ),
        _line(
            "share", "Flagged share", points, hrefs, lambda point: point.flagged_share, Unit.SHARE, "of the whole bank"
        ),
        _scores(points),
    ]


def _line(
    name: str,
    title: str,
    points: Sequence[Point],
    hrefs: Sequence[str],
    value: Callable[[Point], Number],
    unit: Unit,
    whose: str,
) -> Chart:
    values = [value(point) for point in points]
    known = [each for each in values if each is not None]
    span = f"from {told(min(known), unit)} to {told(max(known), unit)}" if known else "not known"
    summary = f"{told(values[-1], unit)} in the newest, {span}; {whose}."
    days = [point.first for point in points]
    return over_days(name, title, summary, days, [Series(title, values, hrefs=hrefs)], unit=unit, height="small")


def _scores(points: Sequence[Point]) -> Chart:
    named = (
        ("score_p50", "median", Colour.MAIN),
        ("score_p90", "nine in ten below", Colour.SECOND),
        ("score_p99", "99 in 100 below", Colour.THIRD),
        ("threshold", "threshold", Colour.BAD),
    )
    series = [
        Series(name, [point.quantiles.get(column) for point in points], colour=colour) for column, name, colour in named
    ]
    newest = ", ".join(f"{each.name} {told(each.values[-1], Unit.SCORE)}" for each in series)
    days = [point.first for point in points]
    return over_days("scores", "Scores", f"In the newest: {newest}.", days, series, unit=Unit.SCORE, height="wide")


def map_plots(choice: Choice, rows: Sequence[DistrictRow], shapes: Mapping[str, Any]) -> list[Chart]:
    """The two heat maps of districts; none where no district can be drawn."""
    placed = {feature["properties"]["name"] for feature in shapes["features"]}
    if not placed & {row.name for row in rows}:
        return []
    rate = _map("map-rate", "Findings per thousand postings", rows, lambda row: row.per_thousand, Unit.NUMBER)
    money = _map("map-money", "Money at risk", rows, lambda row: row.money, Unit.MONEY)
    return [_explained(_drawn(each, choice, placed, shapes)) for each in (rate, money)]


def _map(
    name: str, title: str, rows: Sequence[DistrictRow], value: Callable[[DistrictRow], float | None], unit: Unit
) -> Chart:
    ordered = sorted(rows, key=lambda row: -(value(row) or 0.0))
    named = [row for row in ordered if row.name]
    most = ", ".join(f"{row.name} {_short(value(row))}" for row in named[:3] if value(row))
    elsewhere = sum(row.findings for row in rows if not row.name)
    unplaced = f" Accounts whose district is not shown: {elsewhere:,}." if elsewhere else ""
    columns = [
        ("District", Unit.COUNT),
        ("Per thousand", Unit.NUMBER),
        ("Findings", Unit.COUNT),
        ("Postings", Unit.COUNT),
        ("Money", Unit.MONEY),
    ]
    cells = [[row.name or "not shown", row.per_thousand, row.findings, row.postings, row.money] for row in ordered]
    option = {"series": [{"type": "map", "data": [{"name": row.name, "value": value(row)} for row in named]}]}
    return Chart(name, title, f"Most: {most or 'none'}.{unplaced}", option, ChartTable.of(columns, cells), unit)


def _short(value: float | None) -> str:
    """A figure beside a district, in which cents are not read."""
    return "–" if value is None else f"{_whole(value):,}"


def _whole(value: float) -> float:
    return round(value) if value >= 100 or value == int(value) else round(value, 1)


def _drawn(chart: Chart, choice: Choice, placed: set[str], shapes: Mapping[str, Any]) -> Chart:
    """The map with its shapes, shades, and for each district the address of the narrower choice."""
    (series,) = chart.option["series"]
    told_items = [item for item in series["data"] if item["name"] in placed]
    most = max((item["value"] or 0.0 for item in told_items), default=0.0) or 1.0
    drawn = {
        "type": "map",
        "map": _MAP,
        "name": chart.title,
        "data": [_district(item, most, choice) for item in told_items],
        "aspectScale": 0.65,
        "left": 110,
        "right": 8,
        "top": 8,
        "bottom": 8,
        "selectedMode": "single",
        "itemStyle": {"borderColor": Colour.PAPER, "areaColor": Colour.FAINT},
        "emphasis": {"label": _LABEL, "itemStyle": {"areaColor": Colour.FAINT}},
        "select": {"label": _LABEL, "itemStyle": {"borderColor": Colour.INK, "borderWidth": 3}},
    }
    option = {"tooltip": {"trigger": "item"}, "visualMap": _shades(most), "series": [drawn]}
    return replace(chart, option=option, maps={_MAP: shapes})


_LABEL = {"show": True, "color": Colour.INK}


def _district(item: Mapping[str, Any], most: float, choice: Choice) -> dict[str, Any]:
    return {
        **item,
        "text": f"{item['name']}: {_short(item['value'])}",
        "href": choice.with_district(item["name"]).address,
        "selected": item["name"] == choice.district,
        "itemStyle": {"decal": _pattern(level_of(item["value"], most))},
    }


def level_of(value: float | None, most: float) -> int:
    """The shade of a value, from 0 for none up to `LEVELS`, each a step of the same height.

    >>> [level_of(value, 10.0) for value in (None, 0.0, 0.1, 2.1, 10.0)]
    [0, 0, 1, 2, 5]
    """
    return min(LEVELS, math.ceil(LEVELS * value / most)) if value else 0


def _pattern(level: int) -> dict[str, Any]:
    """Lines that grow denser with the shade, for who does not tell the colours apart; the two lowest have none."""
    if level <= 2:
        return {"color": "transparent"}
    gap = 14 - 2 * level
    return {"color": "rgba(0, 0, 0, 0.35)", "dashArrayX": [1, 0], "dashArrayY": [1.5, gap], "rotation": -math.pi / 4}


def _shades(most: float) -> dict[str, Any]:
    edges = [most * level / LEVELS for level in range(LEVELS + 1)]
    pieces = [
        {"gt": low, "lte": high, "color": colour, "label": f"to {_short(high)}"}
        for low, high, colour in zip(edges, edges[1:], _SHADES, strict=False)
    ]
    none = {"value": 0, "color": Colour.FAINT, "label": "none"}
    return {"type": "piecewise", "pieces": [none, *pieces], "left": 0, "bottom": 0, "itemSymbol": "rect"}
