"""What is usual for a night's figures: the middle and the band of the nights before it."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from plugins.settlement_console.charts import Number, Unit, spoken
from plugins.settlement_console.nights.figures import NightFigures

NIGHTS_COMPARED = 30
"""Number of nights before a night that it is held against: a month, so that its ends and its middle are among them."""
LEAST_COMPARED = 5
"""Least number of nights that say what is usual: of four, a quarter may be odd."""


@dataclass(frozen=True)
class Usual:
    """What is usual of one figure.

    Attributes
    ----------
    middle
        Median of the nights.
    low, high
        Band in which eight of ten nights lie.
    """

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[Number]) -> Usual | None:
        """What is usual among values; None where there are too few.

        >>> Usual.of([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
        Usual(middle=6.0, low=2.0, high=10.0)
        >>> Usual.of([1, None, 3, 4, 5])
        """
        known = [float(value) for value in values if value is not None]
        if len(known) < LEAST_COMPARED:
            return None
        tenths = statistics.quantiles(known, n=10, method="inclusive")
        return cls(tenths[4], tenths[0], tenths[8])


@dataclass(frozen=True)
class Measure:
    """One figure of a night.

    Attributes
    ----------
    name
        Name of its chart.
    title
        What people call it.
    unit
        Unit of its values.
    meaning
        Answer to "what's this?".
    of
        Function that gives it; None where the night does not have it.
    """

    name: str
    title: str
    unit: Unit
    meaning: str
    of: Callable[[NightFigures], Number]


MEASURES: tuple[Measure, ...] = (
    Measure(
        "records",
        "Records in",
        Unit.COUNT,
        "Postings that the source offered for the night. Few may mean that a delivery is not complete.",
        lambda night: night.offered,
    ),
    Measure(
        "money",
        "Money published",
        Unit.MONEY,
        "Sum of the amounts of all published postings, in the bank's money.",
        lambda night: night.money,
    ),
    Measure(
        "quarantined",
        "Quarantined",
        Unit.COUNT,
        "Postings that could not be let in: their reason stands in the quarantine. Send them again once mended.",
        lambda night: night.quarantined,
    ),
    Measure(
        "breaks",
        "Breaks",
        Unit.COUNT,
        "What must hold and does not: a balance that does not chain, a payment that is missing, a wrong fee.",
        lambda night: night.break_count,
    ),
    Measure(
        "flagged",
        "Flagged",
        Unit.COUNT,
        "Postings that are so unusual for their account that their score lies above the night's threshold.",
        lambda night: night.flagged,
    ),
)


@dataclass(frozen=True)
class Comparison:
    """One figure of a night beside what was usual before it."""

    title: str
    unit: Unit
    value: Number
    usual: Usual | None
    meaning: str = ""

    @property
    def is_odd(self) -> bool:
        """Whether it lies outside the band."""
        return self.verdict in ("above", "below")

    @property
    def verdict(self) -> str:
        """`above`, `below` or `as usual`; empty where there is nothing to compare."""
        if self.usual is None or self.value is None:
            return ""
        value = float(self.value)
        return "above" if value > self.usual.high else "below" if value < self.usual.low else "as usual"


def compared(night: NightFigures, before: Sequence[NightFigures]) -> list[Comparison]:
    """The measures of a night beside those of the nights before it."""
    return [
        Comparison(each.title, each.unit, each.of(night), Usual.of([each.of(other) for other in before]), each.meaning)
        for each in MEASURES
    ]


def compared_by_code(
    night: NightFigures, before: Sequence[NightFigures], counts: Callable[[NightFigures], Mapping[str, int]]
) -> list[Comparison]:
    """The counts of each code of a night, or of the nights before it, the most frequent first."""
    now, total = Counter(counts(night)), Counter[str]()
    for each in [*before, night]:
        total.update(counts(each))
    codes = sorted(total, key=lambda code: (-now[code], -total[code], code))
    return [
        Comparison(spoken(code), Unit.COUNT, now[code], Usual.of([counts(other).get(code, 0) for other in before]))
        for code in codes
    ]
