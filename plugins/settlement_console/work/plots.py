"""Charts of the Work page: the backlog by age, and outcomes, precision, delays and money by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from plugins.settlement_console.charts import Band, Cell, Chart, ChartTable, Colour, Series, Unit, over_days
from plugins.settlement_console.wording import number_of

if TYPE_CHECKING:
    from include.casework.backlog import AgeGroup
    from include.casework.outcomes import Delay, Outcomes
    from plugins.settlement_console.work.overview import WorkPage


_MEANINGS = {
    "backlog": (
        "A case is as old as its oldest finding that nobody decided on. Days are the bank's own banking days. "
        "What waits was put aside until a day."
    ),
    "outcomes": (
        "Confirmed: people found it right. Dismissed: it was in order. Unsure: they could not tell. A finding "
        "belongs to the month of its settlement date, whenever it was decided."
    ),
    "precision-by-month": (
        "Confirmed findings among the confirmed and dismissed ones. With the same precision another month's "
        "decisions would lie within the band 19 times out of 20."
    ),
    "money-by-month": (
        "The difference of a break, the amount of a flagged posting. It is money that was looked at, not money lost."
    ),
    "delays": "A day counts when the bank books on it. Decisions that no night has taken in yet are not counted.",
}
"""What each chart means, for somebody who sees it for the first time."""


def charts_of(page: WorkPage) -> list[Chart]:
    """The charts of the page; those without anything to draw are left out."""
    months = page.casework.by_month
    found = [_backlog(page.groups)] if page.cases else []
    if months:
        found += [_outcomes(months), _precision(months), _money(months)]
    if page.casework.delays:
        found.append(_delays(page.casework.delays))
    return [replace(chart, meaning=_MEANINGS[chart.name]) for chart in found]


def _backlog(groups: Sequence[AgeGroup]) -> Chart:
    oldest = groups[-1]
    columns = [("Age in banking days", Unit.COUNT), ("Cases", Unit.COUNT), ("Waiting", Unit.COUNT)]
    rows: list[list[Cell]] = [[group.name, group.cases, group.waiting, group.money] for group in groups]
    return Chart(
        "backlog",
        "Backlog by age",
        f"{number_of(sum(group.cases for group in groups), 'open case')}; {oldest.cases:,} of them waiting for "
        f"{oldest.least} banking days or more, with {oldest.money:,.2f} at stake.",
        {
            "legend": {"show": True, "bottom": 0},
            "grid": {"left": 8, "right": 16, "top": 16, "bottom": 36},
            "tooltip": {"trigger": "axis"},
            "xAxis": {"type": "category", "data": [group.name for group in groups]},
            "yAxis": {"type": "value", "minInterval": 1},
            "series": [
                _pile("open", [group.cases - group.waiting for group in groups], Colour.MAIN),
                _pile("waiting", [group.waiting for group in groups], Colour.MUTED),
            ],
        },
        ChartTable.of([*columns, ("Money at stake", Unit.MONEY)], rows),
        height="wide",
    )


def _pile(name: str, cases: Sequence[int], colour: Colour) -> dict[str, Any]:
    return {"type": "bar", "name": name, "stack": "cases", "data": cases, "itemStyle": {"color": colour}}


def _outcomes(months: Mapping[date, Outcomes]) -> Chart:
    newest, last = [*months.items()][-1]
    parts = [
        ("confirmed", Colour.BAD, [found.confirmed for found in months.values()]),
        ("dismissed", Colour.GOOD, [found.dismissed for found in months.values()]),
        ("unsure", Colour.WARN, [found.unsure for found in months.values()]),
        ("undecided", Colour.MUTED, [found.undecided for found in months.values()]),
    ]
    return over_days(
        "outcomes",
        "What became of findings",
        f"By the month of the settlement date; of {number_of(last.findings, 'finding')} of {newest:%B %Y} "
        f"{last.undecided:,} undecided.",
        [*months],
        [Series(name, values, "bar", colour, stack="findings") for name, colour, values in parts],
        is_monthly=True,
    )


def _precision(months: Mapping[date, Outcomes]) -> Chart:
    held = [found.precision for found in months.values()]
    decided = sum(found.confirmed + found.dismissed for found in months.values())
    confirmed = sum(found.confirmed for found in months.values())
    said = f"{confirmed:,} of {decided:,} decided findings were confirmed." if decided else "Nothing is decided yet."
    return over_days(
        "precision-by-month",
        "Precision by month",
        f"{said} The band is the 95 % interval (Wilson); it is wide where few were decided. It says how often what "
        "people were shown and decided was right; the sample below corrects it.",
        [*months],
        [Series("precision", [each.share if each else None for each in held])],
        unit=Unit.SHARE,
        is_monthly=True,
        band=Band(
            "95 % interval",
            [each.low if each else None for each in held],
            [each.high if each else None for each in held],
        ),
    )


def _money(months: Mapping[date, Outcomes]) -> Chart:
    return over_days(
        "money-by-month",
        "Money in findings",
        "Amounts of the findings of each month, whatever their sign: at risk while nobody decided, and confirmed. One "
        "posting that was found for two reasons counts in each.",
        [*months],
        [
            Series("undecided", [found.undecided_money for found in months.values()], "bar", Colour.MUTED, "money"),
            Series("confirmed", [found.confirmed_money for found in months.values()], "bar", Colour.BAD, "money"),
        ],
        unit=Unit.MONEY,
        is_monthly=True,
    )


def _delays(delays: Sequence[Delay]) -> Chart:
    newest = delays[-1]
    said = (
        f"in {newest.month:%B %Y} half of {newest.findings:,} decisions took {newest.median:g} days at most, and nine "
        f"in ten {newest.nine_in_ten:g}"
    )
    return over_days(
        "delays",
        "Time to decision",
        f"Banking days from a night to the decision on its finding, by the month of the decision; {said}.",
        [delay.month for delay in delays],
        [
            Series("half of the decisions", [delay.median for delay in delays]),
            Series("nine in ten", [delay.nine_in_ten for delay in delays]),
        ],
        unit=Unit.NUMBER,
        is_monthly=True,
    )
