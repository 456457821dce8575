"""The account around a finding as charts: its balance, and its postings by day and amount."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from plugins.settlement_console.charts import (
    Band,
    Chart,
    ChartTable,
    Colour,
    Mark,
    Series,
    Unit,
    day_axis,
    over_days,
)
from plugins.settlement_console.finding.surroundings import BalanceDay, Posting, Surroundings, Usual
from plugins.settlement_console.wording import number_of


def charts_of(around: Surroundings, night: date) -> list[Chart]:
    """The charts of an account around a finding; none where there is nothing to draw.

    Parameters
    ----------
    around
        The account around the finding.
    night
        Night of the finding.
    """
    drawn = [_balances(around, night)] if around.balances else []
    return [*drawn, _postings(around)] if around.postings else drawn


def _balances(around: Surroundings, night: date) -> Chart:
    days, usual = [each.day for each in around.balances], around.usual_balance
    band = Band("usual before", [usual.low] * len(days), [usual.high] * len(days)) if usual else None
    values = [each.balance for each in around.balances]
    return over_days(
        "balance",
        "Balance after each day",
        _balance_words(around.balances, usual, night),
        days,
        [Series("Balance", values, "step")],
        unit=Unit.MONEY,
        span=(around.first, around.last),
        band=band,
        marks=[mark for each in around.balances for mark in _marks_of(each, around.postings)],
    )


def _marks_of(each: BalanceDay, postings: Sequence[Posting]) -> list[Mark]:
    """Pins of what was found on a day and on its postings."""
    found = [*each.marks, *(mark for p in postings if p.row["settlement_date"] == each.day for mark in p.marks)]
    return [
        Mark(
            each.day,
            each.balance,
            "this finding" if mark.is_own else mark.code.replace("_", " "),
            "" if mark.is_own or not mark.finding_id else f"/findings/{mark.finding_id}",
            Colour.BAD if mark.is_own else Colour.WARN,
        )
        for mark in sorted(found, key=lambda mark: mark.is_own)  # the last one lies on top
    ]


def _balance_words(balances: Sequence[BalanceDay], usual: Usual | None, night: date) -> str:
    before = [each.balance for each in balances if each.day < night]
    then = [each.balance for each in balances if each.day <= night]
    after = [each.balance for each in balances if each.day > night]
    said = [f"{_money(before[-1])} before the day of the finding"] if before else []
    its_day = "it" if before else "the day of the finding"
    said += [f"{_money(then[-1])} after {its_day}"] if len(then) > len(before) else []
    said += [f"{_money(after[-1])} at the end"] if after else []
    usually = f" Usual before were {_money(usual.low)} to {_money(usual.high)}." if usual else ""
    return f"It was {', '.join(said)}.{usually}"


def _postings(around: Surroundings) -> Chart:
    groups: dict[str, list[Posting]] = {}
    for posting in around.postings:
        groups.setdefault(_group(posting, around.own), []).append(posting)
    odd = sum(1 for posting in around.postings if posting.marks)
    return Chart(
        "postings",
        "Its postings by day and amount",
        f"{number_of(len(around.postings), 'posting')}; what came in lies above zero, what went out below. On {odd} "
        "of them something was found.",
        {
            "legend": {"show": True, "bottom": 0, "type": "scroll"},
            "grid": {"left": 8, "right": 28, "top": 16, "bottom": 36},
            "tooltip": {"trigger": "item"},
            "xAxis": day_axis((around.first, around.last), is_whole=True),
            "yAxis": {"type": "value", "unit": Unit.MONEY},
            "series": [_points(name, groups[name]) for name in _LOOKS if name in groups],
        },
        ChartTable.of(
            [("Day", Unit.COUNT), ("Posting", Unit.COUNT), ("Amount", Unit.MONEY), ("Found on it", Unit.COUNT)],
            [[p.row["settlement_date"], p.name, p.signed, _found(p)] for p in reversed(around.postings)],
        ),
        Unit.MONEY,
    )


_LOOKS = {
    "this finding": (Colour.BAD, "diamond", 16),
    "something was found": (Colour.WARN, "triangle", 12),
    "the same kind": (Colour.MAIN, "circle", 9),
    "others": (Colour.MUTED, "rect", 7),
}
"""Colour, symbol and size of each group of postings; the symbols tell them apart without colours."""


def _group(posting: Posting, own: Posting | None) -> str:
    if posting.is_own:
        return "this finding"
    if posting.marks:
        return "something was found"
    return "the same kind" if own and posting.kind == own.kind else "others"


def _points(name: str, postings: Sequence[Posting]) -> dict[str, Any]:
    colour, symbol, size = _LOOKS[name]
    look = {"symbol": symbol, "symbolSize": size, "itemStyle": {"color": colour}}
    return {"type": "scatter", "name": name, **look, "data": [_point(posting) for posting in postings]}


def _point(posting: Posting) -> dict[str, Any]:
    links = [mark.finding_id for mark in posting.marks if mark.finding_id and not mark.is_own]
    href = {"href": f"/findings/{links[0]}"} if links else {}
    return {"value": [posting.row["settlement_date"], posting.signed], "text": posting.name, **href}


def _found(posting: Posting) -> str:
    return ", ".join("this finding" if mark.is_own else mark.code.replace("_", " ") for mark in posting.marks)


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"
