"""Profiles of made-up banks: every feature's shares are known, so what should be told is known too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from include.monitoring.profiles import CELLS, Counts, Profiles

FIRST = date(1995, 1, 1)
USUAL = np.array([0.0, 0.9, 0.06, 0.03, 0.009, 0.001])
"""Missing, ordinary, and the four levels: what training itself looks like."""
BUSY = np.array([0.0, 0.97, 0.025, 0.004, 0.001, 0.0])
"""A month's end: mostly interest and fees, which are never rare."""
PAY_DAY = np.array([0.0, 0.82, 0.1, 0.06, 0.018, 0.002])

Shares = Callable[[str, date], Counts]


def calendar(name: str, night: date) -> Counts:
    """Ordinary nights, a pay day on the 10th, a month's end."""
    if (night + timedelta(days=1)).day == 1:
        return BUSY
    return PAY_DAY if night.day == 10 else USUAL


def rows_of(night: date) -> int:
    """A month's end is ten times as busy."""
    return 600 if (night + timedelta(days=1)).day == 1 else 60


def made(last: date, shares: Shares = calendar, features: tuple[str, ...] = ("amount_z",), seed: int = 1) -> Profiles:
    """The nights from `FIRST` to `last`, drawn."""
    rng = np.random.default_rng(seed)
    nights = [FIRST + timedelta(days=n) for n in range((last - FIRST).days + 1)]
    counts = {name: np.zeros((len(nights), CELLS + 1)) for name in features}
    for name in features:
        for place, night in enumerate(nights):
            counts[name][place, :CELLS] = rng.multinomial(rows_of(night), shares(name, night))
    return Profiles(last, counts)


def since(start: date, feature: str, changed: Counts) -> Shares:
    """The calendar, but from a day on one feature's ordinary nights have other shares."""

    def shares(name: str, night: date) -> Counts:
        usual = calendar(name, night)
        return changed if name == feature and night >= start and usual is USUAL else usual

    return shares
