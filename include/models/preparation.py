"""Turns feature columns into a finite matrix: missing values are imputed and indicated, values become rarities."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from include.models.base import Matrix, MatrixError, Vector, View
from include.models.calibration import Calibration

LARGEST_RARITY = 12.0
"""Largest rarity, one in 10**12: larger ones are clipped, so that no detector overflows."""


@dataclass(frozen=True)
class Preparation:
    """Imputation and normalisation learned on past rows.

    Features are one-sided and skewed: nine rows in ten have the usual value, the tenth may have a thousand. Each value
    is replaced by its rarity in the past, -log10 of the share of rows that had at least as much; beyond the past's
    highest value the rarity is extrapolated with the slope of the tail. One unit then means the same in every feature,
    which distances and sums over features need. A feature that was missing in all past rows is not used. A feature
    that was missing in some is imputed with its median, and an indicator column marks the imputed rows.

    Attributes
    ----------
    features
        Names of the signs used, in matrix order.
    codes
        Reason code of each feature.
    context
        Names of the columns that are no sign by themselves; they come last in the matrix, as log1p.
    medians, context_medians
        Median of each feature and of each context column, over the rows that have a value.
    indicated
        Whether each feature gets an indicator column; these follow all features, in the same order.
    rarities
        Calibration from values to rarities, one per feature.
    """

    features: tuple[str, ...]
    codes: tuple[str, ...]
    context: tuple[str, ...]
    medians: Vector
    context_medians: Vector
    indicated: npt.NDArray[np.bool_]
    rarities: tuple[Calibration, ...]

    @classmethod
    def learn(
        cls, codes: Mapping[str, str], context: tuple[str, ...], values: Matrix, graded: Collection[str] = ()
    ) -> Self:
        """Learn from raw rows, shape (n_rows, n_features + n_context), NaN where missing.

        `codes` gives the reason code of every feature, in the order of the columns. For `graded` features the tail of
        the rarity is extrapolated from the body of the distribution.

        Raises
        ------
        MatrixError
            When no feature has a single value.
        """
        signs, around = values[:, : len(codes)], values[:, len(codes) :]
        used = np.atleast_1d(np.logical_not(np.isnan(signs)).any(axis=0))
        if not used.any():
            raise MatrixError(f"none of the features {', '.join(codes)} has a value in the {len(values)} rows given")
        kept = signs[:, used]
        features = tuple(name for name, is_used in zip(codes, used, strict=True) if is_used)
        return cls(
            features=features,
            codes=tuple(codes[name] for name in features),
            context=context,
            medians=np.nanmedian(kept, axis=0),
            context_medians=np.array([_median(column) for column in around.T]),
            indicated=np.atleast_1d(np.isnan(kept).any(axis=0)),
            rarities=tuple(
                Calibration.learn(column[~np.isnan(column)], from_body=name in graded)
                for name, column in zip(features, kept.T, strict=True)
            ),
        )

    def without(self, names: Collection[str]) -> Self:
        """The preparation without these features; the other features' rarities do not change."""
        kept = [name not in names for name in self.features]
        return replace(
            self,
            features=tuple(compress(self.features, kept)),
            codes=tuple(compress(self.codes, kept)),
            medians=self.medians[kept],
            indicated=self.indicated[kept],
            rarities=tuple(compress(self.rarities, kept)),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the raw columns that `apply` takes, in order."""
        return (*self.features, *self.context)

    @property
    def typical(self) -> Vector:
        """The typical raw row: the median of every column."""
        return np.concatenate([self.medians, self.context_medians])

    def apply(self, values: Matrix) -> Matrix:
        """The finite matrix for raw rows in the order of `columns`; it holds rarities, indicators, then context."""
        missing = np.isnan(values)
        filled = np.where(missing, self.typical, values)
        width = len(self.features)
        rare = [rarity.exponents_of(filled[:, i]) for i, rarity in enumerate(self.rarities)]
        around = np.log1p(np.maximum(filled[:, width:], 0.0))
        flags = missing[:, :width][:, self.indicated].astype(np.float64)
        return np.hstack([np.minimum(np.column_stack(rare), LARGEST_RARITY), flags, around])

    @property
    def origins(self) -> npt.NDArray[np.intp]:
        """The place of the one raw column that each column of the prepared matrix is made from."""
        width = len(self.features)
        return np.concatenate([np.arange(width), np.flatnonzero(self.indicated), width + np.arange(len(self.context))])

    @property
    def free_columns(self) -> int:
        """How many of the prepared matrix's last columns are no signs: indicators and context."""
        return int(self.indicated.sum()) + len(self.context)

    def view(self, matrix: Matrix, sees: View) -> Matrix:
        """The prepared matrix as a detector sees it: all columns, or the strongest rarity of every reason code."""
        if sees == "columns":
            return matrix
        codes = np.array(self.codes)
        return np.column_stack([matrix[:, np.flatnonzero(codes == code)].max(axis=1) for code in sorted(set(codes))])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Everything learned, by name; the knots of all features are concatenated."""
        return {
            "medians": self.medians,
            "context_medians": self.context_medians,
            "indicated": self.indicated,
            "knots": np.array([len(rarity.raw) for rarity in self.rarities], dtype=np.int64),
            "rarity_raw": np.concatenate([rarity.raw for rarity in self.rarities]),
            "rarity_exponents": np.concatenate([rarity.exponents for rarity in self.rarities]),
        }

    @classmethod
    def restore(cls, codes: Mapping[str, str], context: tuple[str, ...], arrays: dict[str, npt.NDArray[Any]]) -> Self:
        """Rebuild a preparation from its features with their codes, its context and its `arrays()`."""
        ends = np.cumsum(arrays["knots"])[:-1]
        knots = zip(np.split(arrays["rarity_raw"], ends), np.split(arrays["rarity_exponents"], ends), strict=True)
        return cls(
            features=tuple(codes),
            codes=tuple(codes.values()),
            context=context,
            medians=arrays["medians"],
            context_medians=arrays["context_medians"],
            indicated=arrays["indicated"],
            rarities=tuple(Calibration(raw, exponents) for raw, exponents in knots),
        )


def total_rarity(codes: Matrix) -> Vector:
    """How rare each row is altogether: the sum of the squares of its rarities by reason code, shape (n_rows,)."""
    return np.asarray(np.square(codes).sum(axis=1), dtype=np.float64)


def _median(column: Vector) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0
