"""A detector as one would be added: a module of its own, and nothing else but its entry among the detectors."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from include.models.base import Detector, Examples, Matrix, Vector


class MedianDistance(Detector):
    """The distance of a row to the median row, in the unit of rarities.

    Parameters
    ----------
    seed
        Not used, as there is nothing random.
    power
        Power of the norm.
    """

    name: ClassVar[str] = "median_distance"

    median_: Vector

    def __init__(self, seed: int, power: float = 2.0) -> None:
        super().__init__(seed)
        self.power = power

    def _fit(self, X: Matrix, examples: Examples | None) -> None:  # noqa: N803
        self.median_ = np.median(X, axis=0)

    def _score(self, X: Matrix) -> Vector:  # noqa: N803
        return np.asarray(np.linalg.norm(X - self.median_, ord=self.power, axis=1), dtype=np.float64)
