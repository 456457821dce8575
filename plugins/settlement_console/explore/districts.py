"""Where findings are: postings, findings and money of each district within some nights, and the districts' towns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from plugins.settlement_console.explore.reading import Reader

if TYPE_CHECKING:
    import pyarrow as pa

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class DistrictRow:
    """One district within the chosen nights.

    Attributes
    ----------
    name
        Its name; empty for accounts whose home is not known or not shown.
    postings
        Number of postings.
    findings, money
        Number of the chosen findings, and the money that they are about.
    """

    name: str
    postings: int
    findings: int
    money: float

    @property
    def per_thousand(self) -> float | None:
        """Findings of a thousand postings; None without postings."""
        return 1000 * self.findings / self.postings if self.postings else None


def districts_of(
    reader: Reader, first: date, last: date, found: Mapping[str | None, tuple[int, float]]
) -> list[DistrictRow]:
    """The districts within some nights, the most findings of a thousand postings first.

    Parameters
    ----------
    first, last
        First and last night.
    found
        Number and money of the chosen findings by district.
    """
    postings = _postings(reader, first, last)
    names = sorted({name or "" for name in [*postings, *found]})
    rows = [DistrictRow(name, postings.get(name, 0), *found.get(name or None, (0, 0.0))) for name in names]
    return sorted(rows, key=lambda row: -(row.per_thousand or 0.0))


def _postings(reader: Reader, first: date, last: date) -> dict[str, int]:
    """Number of postings by district: a night's row counts from the month's first day, so that few nights tell all."""
    found: dict[str, int] = {}
    oldest, newest = reader.lake.span() or (first, last)
    # Whoever asks for a thousand years waits no longer than for the lake's own.
    for start, end in _months(max(first, oldest), min(last, newest)):
        for name, number in _within(reader, start, end).items():
            found[name] = found.get(name, 0) + number
    return found


def _within(reader: Reader, start: date, end: date) -> dict[str, int]:
    """Postings by district between two days of one month."""
    until = _until(reader, end, start)
    before = _until(reader, start - _ONE_DAY, start.replace(day=1)) if until and start.day > 1 else {}
    return {name: max(0, number - before.get(name, 0)) for name, number in until.items()}


def _months(first: date, last: date) -> list[tuple[date, date]]:
    """The stretches of a span by month, each with its first and its last day; none where it ends before it begins.

    >>> _months(date(1994, 1, 30), date(1994, 2, 2))
    [(datetime.date(1994, 1, 30), datetime.date(1994, 1, 31)), (datetime.date(1994, 2, 1), datetime.date(1994, 2, 2))]
    """
    if first > last:
        return []
    starts = [first]
    while (following := (starts[-1].replace(day=28) + timedelta(days=4)).replace(day=1)) <= last:
        starts.append(following)
    return [(start, end - _ONE_DAY) for start, end in pairwise([*starts, last + _ONE_DAY])]


def _until(reader: Reader, last: date, since: date) -> dict[str, int]:
    """Postings of the month by district up to its last published night in a stretch; none where it has none."""
    nights = reader.lake.run_keys(since, last)
    if not nights:
        return {}
    newest = max(nights)
    rows = reader.lake.read(reader.mart("mart_district_months"), newest, newest, (reader.district, "postings"))
    return _summed(rows, reader.district)


def _summed(rows: pa.Table, district: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows.to_pylist():
        found[row[district] or ""] = found.get(row[district] or "", 0) + (row["postings"] or 0)
    return found


def towns_of(reader: Reader, names: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Longitude and latitude of the town of each district whose name the visitor sees; unknown places are left out.

    Parameters
    ----------
    names
        Names of further districts.
    """
    from include.features.towns import known_towns

    column = reader.district
    rows = reader.lake.read(reader.table("fin_district"), columns=(column, "latitude", "longitude")).to_pylist()
    own = {row[column]: (row["longitude"], row["latitude"]) for row in rows if row[column] and row["latitude"]}
    if own:
        return own
    known = known_towns({*names, *(row[column] for row in rows)} - {None, ""}).to_pylist()
    return {row["district_name"]: (row["longitude"], row["latitude"]) for row in known}
