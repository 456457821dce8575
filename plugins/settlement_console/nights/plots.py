"""The plots of the nights: small multiples of the figures with what is usual, breaks by check, flagged by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from plugins.settlement_console.charts import Band, Chart, Colour, Mark, Series, over_days, told
from plugins.settlement_console.nights.figures import NightFigures
from plugins.settlement_console.nights.usual import MEASURES, Comparison, Measure, Usual, spoken

MOST_CODES = 6
"""Largest number of codes with bars of their own: as many as the palette has colours; the others are shown as one."""
_OTHERS = "others"


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


def by_code(
    name: str,
    title: str,
    nights: Sequence[NightFigures],
    counts: Callable[[NightFigures], Mapping[str, int]],
) -> Chart | None:
    """Bars of each night, piled up by code; None where no night has any."""
    total = Counter[str]()
    for each in nights:
        total.update(counts(each))
    if not total:
        return None
    codes = [code for code, _ in total.most_common(MOST_CODES)]
    series = [_bars(spoken(code), nights, lambda night, code=code: counts(night).get(code, 0)) for code in codes]  # type: ignore[misc]
    if len(total) > MOST_CODES:
        series.append(_bars(_OTHERS, nights, lambda night: _of_others(counts(night), codes)))
    most = ", ".join(f"{spoken(code)} {number:,}" for code, number in total.most_common(3))
    summary = f"{sum(total.values()):,} in {len(nights)} nights; most: {most}."
    return over_days(name, title, summary, [each.night for each in nights], series, height="wide")


def _of_others(counts: Mapping[str, int], codes: Sequence[str]) -> int:
    return sum(number for code, number in counts.items() if code not in codes)


def _bars(name: str, nights: Sequence[NightFigures], value: Callable[[NightFigures], int]) -> Series:
    return Series(name, [value(each) for each in nights], "bar", stack="all", hrefs=_hrefs(nights))


def _hrefs(nights: Sequence[NightFigures]) -> list[str]:
    return [f"/nights/{each.night}" for each in nights]
