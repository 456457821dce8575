"""Several detectors as one: their scores are made comparable and averaged by weight; weight 0 leaves a member out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from include.models.base import Detector, Vector
from include.models.calibration import Calibration


@dataclass(frozen=True)
class Member:
    """One detector in an ensemble.

    Attributes
    ----------
    detector
        The fitted detector.
    calibration
        Calibration of the detector's raw scores, learned on past rows.
    weight
        Weight in the ensemble; 0 for a detector whose scores are only published beside the others.
    """

    detector: Detector
    calibration: Calibration
    weight: float

    @property
    def name(self) -> str:
        """The detector's name."""
        return self.detector.name


def blend(exponents: Mapping[str, Vector], weights: Mapping[str, float]) -> Vector:
    """Weighted mean of the members' rarities, so that what is odd to one member stays odd among many.

    Parameters
    ----------
    exponents
        Rarity of each row's score (`Calibration.exponents_of`), by detector.
    weights
        Weights by detector; detectors of weight 0 need not be in `exponents`.

    Examples
    --------
    >>> blend({"a": np.array([1.0, 4.0]), "b": np.array([1.0, 0.0])}, {"a": 3, "b": 1}).tolist()
    [1.0, 3.0]
    """
    voting = {name: weight for name, weight in weights.items() if weight > 0}
    total = sum(weight * exponents[name] for name, weight in voting.items())
    return np.asarray(total / sum(voting.values()), dtype=np.float64)
