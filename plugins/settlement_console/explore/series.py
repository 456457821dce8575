"""The time series of a choice: by night or by month, of the whole bank and of the chosen findings."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from plugins.settlement_console.explore.choice import Choice
from plugins.settlement_console.explore.findings import Findings
from plugins.settlement_console.explore.reading import Reader
from plugins.settlement_console.nights.figures import NightFigures

MOST_NIGHTS = 400
"""Largest number of nights of the time series, the newest ones: a year and a month."""
_QUANTILES = ("score_p50", "score_p90", "score_p99", "threshold")


@dataclass(frozen=True)
class Point:
    """One night, or one month, of the time series.

    Attributes
    ----------
    first, last
        First and last day that it is about.
    volume
        Number of published postings.
    flagged_share
        Flagged postings among them; None where scores were skipped.
    quantiles
        Median, ninth and ninety-ninth hundredth of the scores, and the threshold, by name; of a month the middle of its
        nights.
    codes
        Number of the chosen findings by code.
    money
        Money that the chosen findings are about.
    """

    first: date
    last: date
    volume: int
    flagged_share: float | None
    quantiles: Mapping[str, float | None]
    codes: Mapping[str, int]
    money: float

    @property
    def findings(self) -> int:
        """Number of the chosen findings."""
        return sum(self.codes.values())


def series_of(reader: Reader, choice: Choice, nights: Sequence[NightFigures], found: Findings) -> list[Point]:
    """The time series of some nights, oldest first, by night or by month."""
    if not nights:
        return []
    quantiles = _quantiles(reader, nights[0].night, nights[-1].night)
    codes, money = found.by_code(), found.by("settlement_date")
    points = [_night(each, quantiles.get(each.night, {}), codes, money) for each in nights]
    return points if choice.by == "night" else _by_month(points)


def _night(
    night: NightFigures,
    quantiles: Mapping[str, float | None],
    codes: Mapping[date, Mapping[str, int]],
    money: Mapping[Any, tuple[int, float]],
) -> Point:
    day = night.night
    share = None if night.flagged is None else night.flagged / max(1, night.published)
    at_risk = money.get(day, (0, 0.0))[1]
    return Point(day, day, night.published, share, quantiles, codes.get(day, {}), at_risk)


def _quantiles(reader: Reader, first: date, last: date) -> dict[date, dict[str, float | None]]:
    """The scores' quantiles of each night, of the model that scored most of it."""
    columns = ("settlement_date", "scored", *_QUANTILES)
    rows = reader.lake.read(reader.mart("mart_model_performance"), first, last, columns).to_pylist()
    rows.sort(key=lambda row: row["scored"] or 0)
    return {row["settlement_date"]: {name: row[name] for name in _QUANTILES} for row in rows}


def _by_month(points: Sequence[Point]) -> list[Point]:
    months: dict[date, list[Point]] = {}
    for point in points:
        months.setdefault(point.first.replace(day=1), []).append(point)
    return [_month(month, months[month]) for month in sorted(months)]


def _month(first: date, nights: Sequence[Point]) -> Point:
    volume = sum(night.volume for night in nights)
    scored = [night for night in nights if night.flagged_share is not None]
    flagged = sum((night.flagged_share or 0.0) * night.volume for night in scored)
    codes: dict[str, int] = {}
    for night in nights:
        for code, number in night.codes.items():
            codes[code] = codes.get(code, 0) + number
    return Point(
        first=first,
        last=(first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1),
        volume=volume,
        flagged_share=flagged / max(1, sum(night.volume for night in scored)) if scored else None,
        quantiles={name: _middle(night.quantiles.get(name) for night in nights) for name in _QUANTILES},
        codes=codes,
        money=sum(night.money for night in nights),
    )


def _middle(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
