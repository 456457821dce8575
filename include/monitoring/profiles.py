"""The nights' profiles as counts: the number of a night's postings whose value was missing, ordinary or rare."""

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
"""Rarities at which a profile is divided: one posting in 10, in 32, in 100, in 1,000 of the training rows.

Rarities below the first level are "as usual or a little more". Ordinary months differ there without an effect on
scores: on the real bank the distance between neighbouring months of 1993 is up to 0.23 over bins of a quarter, and up
to 0.12 over these."""
CELLS = len(LEVELS) + 2
"""Number of cells per feature and night: missing, below the first level, and from each level to the next."""
SCORE = BLEND
"""Name of the published score's profile among those of the features."""

_FIRST_LEVEL = 1


@dataclass(frozen=True)
class Profiles:
    """Counts of consecutive nights.

    Attributes
    ----------
    last
        The last night.
    counts
        Counts by feature, shape (n_nights, `CELLS`); the last row is the last night.
    """

    last: date
    counts: Mapping[str, Counts]

    @classmethod
    def of(cls, rows: pa.Table, first: date, last: date, model_base: str) -> Self:
        """The profiles of the nights from `first` to `last`.

        Members of the ensemble are left out: a member that drifts either moves the score, which is included, or has no
        weight.

        Parameters
        ----------
        rows
            Rows of `include.learning.profile.PROFILE_SCHEMA` with `settlement_date`.
        first, last
            First and last night, both included; a night without a row had no posting.
        model_base
            Version of the model whose scale is used. Nights on another model's scale count only for missing values,
            which have no scale; their other cells are empty.
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
        """The profiles up to `last`, which may not be later than the current last night."""
        later = (self.last - last).days
        return replace(self, last=last, counts={name: rows[: len(rows) - later] for name, rows in self.counts.items()})


def _cells(bins: npt.NDArray[np.int64], is_on_scale: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The cell of each row; past the last one where the value is there, but on another model's scale."""
    levels = np.searchsorted(LEVELS, BIN_EDGES[np.maximum(bins, 0)], side="right") + _FIRST_LEVEL
    return np.where(bins == MISSING, 0, np.where(is_on_scale, levels, CELLS))


def expected_shares(model: Model) -> dict[str, Counts]:
    """The share of present values that training leads to expect in each cell from the second on, by feature.

    The score is left out, as rows that a detector was fitted on score lower than later rows.
    """
    named = zip(model.preparation.features, model.preparation.rarities, strict=True)
    return {name: _shares(calibration) for name, calibration in named}


def _shares(calibration: Calibration) -> Counts:
    """The share of training rows in each cell; ties leave out levels that no row reaches alone."""
    places = np.searchsorted(calibration.exponents, LEVELS)
    reached = np.append(calibration.exponents, np.inf)[places]
    return -np.diff(np.concatenate([[1.0], 10.0**-reached, [0.0]]))
