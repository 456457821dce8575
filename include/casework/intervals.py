"""Intervals around shares: of plain counts, and of samples whose rows do not all stand for as many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import beta, binomtest

LEVEL = 0.95
"""Confidence of the intervals, as of the precision that marts hold."""


@dataclass(frozen=True)
class Estimate:
    """A share with its interval, each 0 to 1; None where nothing is known of it."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Stratum:
    """A part that a sample was drawn from by itself.

    Attributes
    ----------
    size
        Number of items in it.
    sampled
        Number of them that were looked at.
    found
        Number of those that were what is looked for.
    """

    size: int
    sampled: int
    found: int


def share_of(found: int, of: int) -> Estimate | None:
    """The share of a count with Wilson's interval (1927), which holds with few counts; None of nothing.

    >>> share_of(0, 0) is None, round(share_of(9, 10).low, 3)
    (True, 0.596)
    """
    if not of:
        return None
    interval = binomtest(found, of).proportion_ci(LEVEL, method="wilson")
    return Estimate(found / of, float(interval.low), float(interval.high))


def stratified_share(strata: Sequence[Stratum], level: float = LEVEL) -> Estimate | None:
    """The share over several strata, each counted by its size, with an interval that holds where nothing was found.

    The interval is Clopper and Pearson's at the effective size of the sample, as Korn and Graubard propose (1998,
    Survey Methodology 24, 193-201): strata of unequal weight say less than as many items drawn from all.

    Parameters
    ----------
    strata
        The strata; those in which nothing was looked at are left out, and nothing is said of them.
    level
        Confidence of the interval.
    """
    seen = [stratum for stratum in strata if stratum.sampled and stratum.size]
    size = sum(stratum.size for stratum in seen)
    if not size:
        return None
    share = sum(stratum.size / size * stratum.found / stratum.sampled for stratum in seen)
    effective = 1 / sum((stratum.size / size) ** 2 / stratum.sampled for stratum in seen)
    return _exact(share, effective, (1 - level) / 2)


def _exact(share: float, effective: float, tail: float) -> Estimate:
    found = share * effective
    low = float(beta.ppf(tail, found, effective - found + 1)) if found > 0 else 0.0
    high = float(beta.ppf(1 - tail, found + 1, effective - found)) if found < effective else 1.0
    return Estimate(share, low, high)
