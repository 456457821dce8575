"""From feature columns to a finite matrix: what is missing is imputed and indicated, scales are learned on the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from include.models.base import Matrix, MatrixError, Vector

LARGEST_SCALED = 50.0
"""Scaled values are cut at fifty spreads: beyond it nothing is any more unusual, and no detector overflows."""


@dataclass(frozen=True)
class Preparation:
    """Imputation and scaling learned on past rows.

    A feature that was missing in all of them is not used. One that was missing in some gets an indicator column
    beside it. Scales are the median and half the distance between the 5th and the 95th percentile, so that a few
    wild rows do not set them.

    Attributes
    ----------
    features
        The features used, in matrix order.
    medians, scales
        Of each feature, over the rows that have it.
    indicated
        Whether each feature gets an indicator column, put after all features in the same order.
    """

    features: tuple[str, ...]
    medians: Vector
    scales: Vector
    indicated: npt.NDArray[np.bool_]

    @classmethod
    def learn(cls, features: tuple[str, ...], values: Matrix) -> Self:
        """Learn from raw rows, shape (n_rows, n_features), NaN where missing.

        Raises
        ------
        MatrixError
            When no feature has a single value.
        """
        present = np.logical_not(np.isnan(values))
        used = np.atleast_1d(present.any(axis=0))
        if not used.any():
            raise MatrixError(f"none of the features {', '.join(features)} has a value in the {len(values)} rows given")
        kept = values[:, used]
        return cls(
            features=tuple(name for name, is_used in zip(features, used, strict=True) if is_used),
            medians=np.nanmedian(kept, axis=0),
            scales=_spreads(kept),
            indicated=np.isnan(kept.sum(axis=0)),
        )

    def apply(self, values: Matrix) -> Matrix:
        """The finite matrix of raw rows in the order of `features`."""
        missing = np.isnan(values)
        filled = np.where(missing, self.medians, values)
        scaled = np.clip((filled - self.medians) / self.scales, -LARGEST_SCALED, LARGEST_SCALED)
        return np.hstack([scaled, missing[:, self.indicated].astype(np.float64)])


def _spreads(values: Matrix) -> Vector:
    low, high = np.nanpercentile(values, [5, 95], axis=0)
    spreads = (high - low) / 2
    # A feature that is the same in nine rows of ten keeps its own unit.
    return np.asarray(np.where(spreads > 0, spreads, 1.0), dtype=np.float64)
