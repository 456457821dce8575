"""The distance between two sets of counts, and the probability that it is chance."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2_contingency

from include.monitoring.profiles import Counts

DESIGN_EFFECT = 2.4
"""Factor by which postings of the same accounts carry less information than as many of different accounts (Rao and
Scott, The analysis of categorical data from complex sample surveys, JASA 1981). For the 3,989 postings of October 1993
on the real bank, clustered by account, the effect on a feature's counts was at most 2.4 (`day_count`) and 1.2 in the
median."""


def distance(counts: Counts, others: Counts) -> float:
    """Hellinger's distance between two distributions given as counts: 0 when they are equal, 1 without overlap.

    A share that goes from nothing to 1.3 %, or from 10 % to 17 %, is a distance of 0.08.

    Examples
    --------
    >>> round(distance(np.array([1000.0, 0.0]), np.array([987.0, 13.0])), 2)
    0.08
    >>> round(distance(np.array([90.0, 10.0]), np.array([83.0, 17.0])), 2)
    0.07
    """
    here, there = counts / counts.sum(), others / others.sum()
    return float(np.sqrt(np.sum((np.sqrt(here) - np.sqrt(there)) ** 2) / 2))


def chance(counts: Counts, others: Counts) -> float:
    """The p-value of both being drawn from one distribution: a G test of the counts, corrected by `DESIGN_EFFECT`.

    The values are binned and heavily tied (nine postings in ten are "as usual"), so that counts in cells are compared;
    tests on ranks or on the empirical distribution lose their level with ties.
    """
    table = np.vstack([counts, others]) / DESIGN_EFFECT
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    # Equal shares give a statistic that rounding may leave below zero.
    p_value = chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue
    return float(np.clip(np.nan_to_num(p_value, nan=1.0), 0.0, 1.0))
