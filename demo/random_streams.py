"""Seeded random streams, one per purpose, so that a change to one habit does not change the draws of the others."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.str_]


@dataclass(frozen=True)
class RandomStreams:
    """The random streams of a bank.

    Parameters
    ----------
    seed
        Seed of the bank, at least 0; the same seed gives the same bank.

    Examples
    --------
    >>> int(RandomStreams(1).of("ages").integers(100)) == int(RandomStreams(1).of("ages").integers(100))
    True
    """

    seed: int

    def of(self, purpose: str) -> np.random.Generator:
        """The stream of draws that belongs to one purpose."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])


def pick(rng: np.random.Generator, weights: Sequence[float] | Floats, size: int) -> Ints:
    """Positions drawn with the given weights, which need not sum to one."""
    edges = np.cumsum(np.asarray(weights, dtype=float))
    chosen: Ints = np.searchsorted(edges, rng.random(size) * edges[-1], side="right").astype(np.int64)
    return chosen


def spaced_ids(rng: np.random.Generator, start: int, size: int, widest_gap: int) -> Ints:
    """Increasing identifiers with gaps, as in a bank that has deleted and reserved numbers."""
    gaps = rng.integers(1, widest_gap + 1, size)
    return (start - 1 + np.cumsum(gaps)).astype(np.int64)


def lognormal(rng: np.random.Generator, median: Any, sigma: Any, size: int) -> Floats:  # noqa: ANN401 - scalar or array
    """Positive values around a median; `sigma` is the spread of their logarithm."""
    drawn: Floats = np.asarray(median) * np.exp(np.asarray(sigma) * rng.standard_normal(size))
    return drawn
