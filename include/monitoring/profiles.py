"""The nights' profiles as counts: how many postings of a night were missing a value, ordinary, or how rare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.learning.profile import BIN_EDGES, MISSING
from include.models.calibration import Calibration
from include.models.model import BLEND, MEMBER, Model

Counts: TypeAlias = npt.NDArray[np.float64]

LEVELS = (1.0, 1.5, 2.0, 3.0)
"""Rarities a profile is cut at: one posting in 10, in 32, in 100, in 1,000 of those that trained the model.

What lies below is "as usual or a little more". Ordinary months differ there and no score minds: on the real bank the
distance between neighbouring months of 1993 is up to 0.23 over bins of a quarter, and up to 0.12 over these."""
CELLS = len(LEVELS) + 2
"""Cells of a feature in one night: missing, below the first level, from each level to the next."""
SCORE = BLEND
"""The profile of the published score among those of the features."""

_FIRST_LEVEL = 1


@dataclass(frozen=True)
class Profiles:
    """Counts of nights that follow each other without a hole.

    Attributes
    ----------
    last
        The last night.
    counts
        By feature, shape (n_nights, `CELLS`), the last night last.
    """

    last: date
    counts: Mapping[str, Counts]

    @classmethod
    def of(cls, rows: pa.Table, first: date, last: date, model_base: str) -> Self:
        """The profiles of the nights from `first` to `last`.

        Members of the ensemble are left out: what moves them moves the score, which is here, or has no say.

        Parameters
        ----------
        rows
            `include.learning.profile.PROFILE_SCHEMA` with `settlement_date`.
        first, last
            Both included; a night without a row had no posting.
        model_base
            Nights on another model's scale count as far as a value was missing: that has no scale. Otherwise they
            are empty.
        """
        nights = (last - first).days + 1
        places = (rows["settlement_date"].to_numpy() - np.datetime64(first)).astype(np.int64)
        held = rows["rows"].to_numpy()
        cells = _cells(rows["bin"].to_numpy(), np.array(rows["model_base"].to_pylist()) == model_base)
        names, features = np.unique(np.array(rows["feature"].to_pylist(), dtype=str), return_inverse=True)
        counts = np.zeros((len(names), nights, CELLS + 1))
        np.add.at(counts, (features, places, cells), held)
        return cls(last, {str(n): counts[i] for i, n in enumerate(names) if not str(n).startswith(MEMBER)})

    def until(self, last: date) -> Self:
        """The same as far as `last`, no later than it was."""
        later = (self.last - last).days
        return replace(self, last=last, counts={name: rows[: len(rows) - later] for name, rows in self.counts.items()})


def _cells(bins: npt.NDArray[np.int64], is_on_scale: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The cell of each row; past the last one where the value is there, but on another model's scale."""
    levels = np.searchsorted(LEVELS, BIN_EDGES[np.maximum(bins, 0)], side="right") + _FIRST_LEVEL
    return np.where(bins == MISSING, 0, np.where(is_on_scale, levels, CELLS))


def expected_shares(model: Model) -> dict[str, Counts]:
    """By feature, the share of present values that training leads to expect in each cell from the second on.

    The score is not among them: rows that taught a detector score lower than rows to come.
    """
    named = zip(model.preparation.features, model.preparation.rarities, strict=True)
    return {name: _shares(calibration) for name, calibration in named}


def _shares(calibration: Calibration) -> Counts:
    """Of the training rows that reach each level; ties leave levels out that no row reaches alone."""
    places = np.searchsorted(calibration.exponents, LEVELS)
    reached = np.append(calibration.exponents, np.inf)[places]
    return -np.diff(np.concatenate([[1.0], 10.0**-reached, [0.0]]))
