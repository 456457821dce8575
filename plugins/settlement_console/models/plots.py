"""Charts of the Models page: drift and performance over the nights, and what the champion looks at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from plugins.settlement_console.charts import Band, Chart, ChartTable, Colour, Series, Unit, over_days
from plugins.settlement_console.lake_reader import masked_mart
from plugins.settlement_console.wording import number_of

if TYPE_CHECKING:
    from include.lake import Lake

Row = Mapping[str, Any]

NIGHTS_DRAWN = 92
"""Nights of the charts: three months, which hold every monthly habit and what the newest month is compared with."""
RARE = 3
"""Rarity in powers of ten, one in a thousand, from which on dots have the colour of the rarest."""
FEATURES_DRAWN = 12
"""Features in the chart of drift, the farthest first; a person follows no more by eye."""


_MEANINGS = {
    "flagged-share": (
        "A posting is flagged when its score lies above the threshold, which is set so that a month flags the "
        "alert budget."
    ),
    "score-quantiles": (
        "A score says how unusual a posting is for its account: 0.5 is one in a hundred, 0.6 one in a thousand."
    ),
    "precision": (
        "Confirmed findings among the confirmed and dismissed ones of the model that scored the night, as "
        "that night knew them."
    ),
    "drift": (
        "1 is the line that ordinary months stay below. A feature beyond it for three nights in a row becomes "
        "a notice, and may ask for a new selection."
    ),
}
"""What each chart means, for somebody who sees it for the first time."""


def night_charts(lake: Lake) -> list[Chart]:
    """How drift and performance went over the last nights; none before the first scored night."""
    span = lake.span()
    if span is None:
        return []
    last = span[1]
    first = last - timedelta(days=NIGHTS_DRAWN - 1)
    found = [*_performance_charts(_performance(lake, first, last)), _drift_chart(_excess(lake, first, last))]
    return [replace(chart, meaning=_MEANINGS[chart.name]) for chart in found if chart]


def _performance(lake: Lake, first: date, last: date) -> list[Row]:
    """The masked mart has all figures; it names nobody."""
    rows: list[Row] = masked_mart(lake, "mart_model_performance", first, last).to_pylist()
    return sorted(rows, key=lambda row: row["settlement_date"])


def _performance_charts(rows: Sequence[Row]) -> list[Chart]:
    if not rows:
        return []
    days = [row["settlement_date"] for row in rows]
    return [_flagged(rows, days), _scores(rows, days), _precision(rows, days)]


def _flagged(rows: Sequence[Row], days: Sequence[date]) -> Chart:
    shares = _column(rows, "flagged_share")
    newest = _told_share(shares[-1])
    return over_days(
        "flagged-share",
        "Share of postings flagged",
        f"In the newest night {newest} of the postings were flagged; over {number_of(len(days), 'night')} the share "
        f"lay between {_told_share(_least(shares))} and {_told_share(_most(shares))}.",
        days,
        [Series("flagged", shares)],
        unit=Unit.SHARE,
    )


def _scores(rows: Sequence[Row], days: Sequence[date]) -> Chart:
    columns = {"half of the scores": "score_p50", "nine in ten": "score_p90", "99 in 100": "score_p99"}
    lines = [Series(f"{name} at most", _column(rows, column)) for name, column in columns.items()]
    return over_days(
        "score-quantiles",
        "Scores of all postings",
        "How high scores were each night, beside the threshold above which a posting is flagged. Scores that rise "
        "together tell of a change of the bank or of its data rather than of frauds.",
        days,
        [*lines, Series("threshold", _column(rows, "threshold"), "step", Colour.BAD)],
        unit=Unit.SCORE,
    )


def _precision(rows: Sequence[Row], days: Sequence[date]) -> Chart:
    shares, newest = _column(rows, "precision"), rows[-1]
    decided = newest["confirmed"] + newest["dismissed"] if newest["confirmed"] is not None else 0
    said = (
        f"Of {decided:,} decided findings of the newest model {_told_share(newest['precision'])} were confirmed "
        f"({_told_share(newest['precision_low'])} to {_told_share(newest['precision_high'])} with 95 %)."
        if decided
        else "Nobody has confirmed or dismissed a finding of the newest model yet: precision follows with decisions."
    )
    return over_days(
        "precision",
        "Precision by decisions",
        f"{said} It counts the findings that people were shown; the page Work corrects it by a random sample.",
        days,
        [Series("precision", shares)],
        unit=Unit.SHARE,
        band=Band("95 % interval", _column(rows, "precision_low"), _column(rows, "precision_high")),
    )


def _column(rows: Sequence[Row], name: str) -> list[float | None]:
    return [row[name] for row in rows]


def _least(shares: Sequence[float | None]) -> float | None:
    return min((share for share in shares if share is not None), default=None)


def _most(shares: Sequence[float | None]) -> float | None:
    return max((share for share in shares if share is not None), default=None)


def _told_share(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"


def _excess(lake: Lake, first: date, last: date) -> dict[str, dict[date, float]]:
    """Drift of each feature, in multiples of its alert line, by night; the figures name features alone."""
    from include.monitoring.watch import WATCH_TABLE

    found: dict[str, dict[date, float]] = {}
    for row in lake.read(WATCH_TABLE, first, last, ["settlement_date", "figures"]).to_pylist():
        for name, figures in (json.loads(row["figures"]).get("drift") or {}).items():
            feature = name.split(maxsplit=1)[-1].replace("_", " ")
            found.setdefault(feature, {})[row["settlement_date"]] = figures["effect"] / figures["limit"]
    return found


def _drift_chart(excess: Mapping[str, Mapping[date, float]]) -> Chart | None:
    if not excess:
        return None
    farthest = sorted(excess, key=lambda name: max(excess[name].values()), reverse=True)[:FEATURES_DRAWN]
    nights = sorted({night for name in farthest for night in excess[name]})
    last = nights[-1]
    over = [name for name in farthest if excess[name].get(last, 0.0) >= 1]
    said = f"over it on {last}: {', '.join(over)}" if over else f"on {last} none is over it"
    return Chart(
        "drift",
        "Drift over the nights",
        "How far each feature and the score lie from what they were when the model was trained, in multiples of the "
        f"line beyond which it is told when it lasts; {said}. The table has the last seven nights.",
        {
            "legend": {"show": False},
            "grid": {"left": 24, "right": 16, "top": 16, "bottom": 56},
            "tooltip": {"trigger": "item"},
            "xAxis": {"type": "category", "data": [night.isoformat() for night in nights]},
            "yAxis": {"type": "category", "data": farthest, "inverse": True},
            "visualMap": {"type": "piecewise", "orient": "horizontal", "bottom": 0, "pieces": _DRIFT_PIECES},
            "series": [{"type": "heatmap", "name": "drift", "data": _drift_cells(excess, farthest, nights)}],
        },
        _drift_table(excess, farthest, nights[-7:][::-1]),
        unit=Unit.NUMBER,
        height="tall",
    )


_DRIFT_PIECES = [
    {"lt": 0.75, "label": "below the line", "color": Colour.GOOD},
    {"gte": 0.75, "lt": 1, "label": "close to the line", "color": Colour.WARN},
    {"gte": 1, "label": "over the line", "color": Colour.BAD},
]


def _drift_cells(
    excess: Mapping[str, Mapping[date, float]], features: Sequence[str], nights: Sequence[date]
) -> list[dict[str, Any]]:
    return [
        {"value": [column, row, excess[name][night]], "text": f"{name}, {night}: {excess[name][night]:.2f}"}
        for row, name in enumerate(features)
        for column, night in enumerate(nights)
        if night in excess[name]
    ]


def _drift_table(
    excess: Mapping[str, Mapping[date, float]], features: Sequence[str], nights: Sequence[date]
) -> ChartTable:
    columns = [("Feature", Unit.COUNT), *((night.isoformat(), Unit.NUMBER) for night in nights)]
    return ChartTable.of(columns, [[name, *(excess[name].get(night) for night in nights)] for name in features])


def attributions_chart(figures: Mapping[str, Any]) -> Chart:
    """What a model looks at: a dot for each posting of a sample and each reason code.

    Parameters
    ----------
    figures
        Content of a selection's `attributions.json`.
    """
    codes = [code.replace("_", " ") for code in figures["codes"]]
    values = figures["contributions"]
    return Chart(
        "attributions",
        "What the champion looks at",
        f"Each dot is one of {len(values)} postings out of {figures['postings']:,} of the last nights before the "
        "selection, as far right as the reason adds to its score beyond the typical posting's. Most weight has "
        f"{codes[0] if codes else 'nothing'}.",
        _dots_option(codes, _dots(codes, values, figures["rarities"])),
        _weights_table(codes, values),
        unit=Unit.SCORE,
        height="tall",
    )


def _dots_option(codes: Sequence[str], dots: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "legend": {"show": False},
        "grid": {"left": 24, "right": 16, "top": 16, "bottom": 72},
        "tooltip": {"trigger": "item"},
        "xAxis": {"type": "value", "name": "adds to the score", "nameLocation": "middle", "nameGap": 28},
        "yAxis": [
            # The rows begin at 1, as the axis below is drawn through 0 wherever that is in sight.
            {"type": "value", "min": 0.5, "max": len(codes) + 0.5, "show": False},
            {"type": "category", "data": codes[::-1], "position": "left"},
        ],
        "visualMap": _RARITY_COLOURS,
        "series": [
            {"type": "scatter", "name": "postings", "symbolSize": 5, "data": dots},
            {"type": "scatter", "yAxisIndex": 1, "data": []},
        ],
    }


_RARITY_COLOURS = {
    "dimension": 2,
    "min": 0,
    "max": RARE,
    "orient": "horizontal",
    "left": "center",
    "bottom": 0,
    "text": ["rare", "usual"],
    "inRange": {"color": [Colour.MAIN, Colour.BAD]},
}


def _dots(
    codes: Sequence[str], contributions: Sequence[Sequence[float]], rarities: Sequence[Sequence[float]]
) -> list[dict[str, Any]]:
    return [
        {"value": [share, len(codes) - place + _jitter(number, place), rarity], "text": f"{codes[place]}: {share:+.3f}"}
        for number, (shares, rare) in enumerate(zip(contributions, rarities, strict=True))
        for place, (share, rarity) in enumerate(zip(shares, rare, strict=True))
    ]


def _weights_table(codes: Sequence[str], contributions: Sequence[Sequence[float]]) -> ChartTable:
    columns = [("Reason", Unit.COUNT), ("Adds on average, up or down", Unit.SCORE), ("Adds at most", Unit.SCORE)]
    by_code = [[shares[place] for shares in contributions] for place in range(len(codes))]
    return ChartTable.of(
        columns,
        [
            [code, sum(map(abs, shares)) / max(len(shares), 1), max(shares, default=None)]
            for code, shares in zip(codes, by_code, strict=True)
        ],
    )


def _jitter(number: int, place: int) -> float:
    """A shift up or down by which dots of one reason do not hide each other, the same on each look."""
    digest = hashlib.sha256(f"{number} {place}".encode()).digest()
    return round((digest[0] / 255 - 0.5) * 0.6, 3)
