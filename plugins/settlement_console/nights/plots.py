"""The plots of the nights: small multiples of the figures with what is usual, breaks by check, flagged by reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from plugins.settlement_console.charts import (
    Band,
    Chart,
    Colour,
    Mark,
    Series,
    by_code,
    most_told,
    over_days,
    told,
    total_of,
)
from plugins.settlement_console.nights.figures import NightFigures
from plugins.settlement_console.nights.usual import MEASURES, Comparison, Measure, Usual
from plugins.settlement_console.wording import number_of


def plots_of(nights: Sequence[NightFigures], marked: date | None = None) -> list[Chart]:
    """Small multiples of the figures of some nights, the last of which is the one that is looked at.

    Parameters
    ----------
    nights
        Nights, oldest first.
    marked
        Night that is marked; none when None.
    """
    return [_multiple(each, nights, marked) for each in MEASURES] if nights else []


def _multiple(measure: Measure, nights: Sequence[NightFigures], marked: date | None) -> Chart:
    values = [measure.of(each) for each in nights]
    usual = Usual.of(values[:-1])
    count = len(nights)
    band = Band("usual", [usual.low] * count, [usual.high] * count) if usual else None
    marks = [
        Mark(
            each.night, measure.of(each), f"{each.night}: {told(measure.of(each), measure.unit)}", colour=Colour.SECOND
        )
        for each in nights
        if each.night == marked and measure.of(each) is not None
    ]
    return over_days(
        measure.name,
        measure.title,
        _sentence(Comparison(measure.title, measure.unit, values[-1], usual), nights[-1].night),
        [each.night for each in nights],
        [Series(measure.title, values, hrefs=_hrefs(nights))],
        unit=measure.unit,
        band=band,
        marks=marks,
        height="small",
        meaning=measure.meaning,
    )


def _sentence(last: Comparison, night: date) -> str:
    """The newest figure and what is usual, in words."""
    now = f"{told(last.value, last.unit)} on {night}"
    if last.usual is None:
        return f"{now}; there are too few nights before it to say what is usual."
    band = f"{told(last.usual.low, last.unit)} to {told(last.usual.high, last.unit)}"
    verdict = f"{last.verdict} what is usual" if last.is_odd else last.verdict or "not known"
    return f"{now}, {verdict}: {band}, in the middle {told(last.usual.middle, last.unit)}."


def bars_of(nights: Sequence[NightFigures]) -> list[Chart]:
    """Breaks by check and flagged postings by reason of each night; neither where no night has any."""
    breaks, reasons = [each.breaks for each in nights], [each.reasons for each in nights]
    bars = (("checks", "Breaks by check", breaks), ("reasons", "Flagged by strongest reason", reasons))
    return [_bars(name, title, nights, counts) for name, title, counts in bars if any(counts)]


def _bars(name: str, title: str, nights: Sequence[NightFigures], counts: Sequence[Mapping[str, int]]) -> Chart:
    total = total_of(counts)
    summary = f"{sum(total.values()):,} in {number_of(len(nights), 'night')}; most: {most_told(total)}."
    return by_code(name, title, summary, [each.night for each in nights], counts, _hrefs(nights))


def _hrefs(nights: Sequence[NightFigures]) -> list[str]:
    return [f"/nights/{each.night}" for each in nights]
