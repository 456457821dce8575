"""Several detectors as one: each one's scores made comparable, then weighed; a member of weight 0 only looks on."""

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
        Fitted.
    calibration
        Of its raw scores on past rows.
    weight
        Its say; 0 where it is only published beside the others.
    """

    detector: Detector
    calibration: Calibration
    weight: float

    @property
    def name(self) -> str:
        """The detector's name."""
        return self.detector.name


def blend(exponents: Mapping[str, Vector], weights: Mapping[str, float]) -> Vector:
    """Weighted mean of the members' rarities: what is odd to one of them stays odd among many.

    Parameters
    ----------
    exponents
        By detector, how rare each row's score was (`Calibration.exponents_of`).
    weights
        By detector; those of weight 0 need not be in `exponents`.

    Examples
    --------
    >>> blend({"a": np.array([1.0, 4.0]), "b": np.array([1.0, 0.0])}, {"a": 3, "b": 1}).tolist()
    [1.0, 3.0]
    """
    voting = {name: weight for name, weight in weights.items() if weight > 0}
    total = sum(weight * exponents[name] for name, weight in voting.items())
    return np.asarray(total / sum(voting.values()), dtype=np.float64)
