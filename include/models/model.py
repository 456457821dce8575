"""A trained model: the way from feature rows to published scores, and everything needed to say where it came from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.models.base import Detector, Matrix, Vector
from include.models.calibration import Calibration
from include.models.preparation import Preparation


@dataclass(frozen=True)
class Training:
    """Where a model came from.

    Attributes
    ----------
    first_night, last_night
        Settlement dates of the rows it was trained on.
    rows
        How many there were; `sampled_rows` of them, drawn with `seed`, trained the detector.
    data_digest
        SHA-256 over the raw feature values of all of them.
    budget
        Alert budget of the threshold.
    threshold_since
        First of the nights (up to `last_night`) whose scores the threshold was chosen on.
    habit_days
        How far back the habits of its features reach; scoring must use the same.
    notes
        Sentences for people, on what was absent.
    """

    first_night: date
    last_night: date
    rows: int
    sampled_rows: int
    data_digest: str
    seed: int
    budget: float
    threshold_since: date
    habit_days: int
    notes: tuple[str, ...] = ()

    @classmethod
    def from_card(cls, card: dict[str, Any]) -> Self:
        """The training again, from its part of a model's card."""
        dates = {name: date.fromisoformat(card[name]) for name in ("first_night", "last_night", "threshold_since")}
        return cls(**{**card, **dates, "notes": tuple(card["notes"])})


@dataclass(frozen=True)
class Model:
    """Preparation, detector, calibration and threshold, fitted together.

    Attributes
    ----------
    typical
        Raw feature values of the typical row, in the order of `preparation.features`; NaN never.
    versions
        Libraries that trained it.
    """

    detector: Detector
    preparation: Preparation
    calibration: Calibration
    threshold: float
    typical: Vector
    training: Training
    versions: dict[str, str]

    @property
    def features(self) -> tuple[str, ...]:
        """The features it sees, in matrix order."""
        return self.preparation.features

    @cached_property
    def version(self) -> str:
        """Name made of the detector's and a hash over everything that decides a score: same training, same name.

        The detector enters through what made it (data, parameters, seed, libraries), so that the name can be checked
        on another kind of machine, where its scores may differ in the last bit.
        """
        digest = hashlib.sha256(json.dumps(self.card(), sort_keys=True).encode())
        for _, array in sorted(self.arrays().items()):
            digest.update(array.tobytes())
        return f"{self.detector.name}-{digest.hexdigest()[:16]}"

    @cached_property
    def typical_score(self) -> float:
        """Published score of the typical row."""
        return float(self.score(self.typical.reshape(1, -1))[0])

    def score(self, values: Matrix) -> Vector:
        """Published scores of raw rows: columns in the order of `features`, NaN where missing."""
        return self.calibration.apply(self.raw_score(values))

    def raw_score(self, values: Matrix) -> Vector:
        """The detector's own scores of raw rows."""
        return self.detector.score(self.preparation.apply(values))

    def card(self) -> dict[str, Any]:
        """What the model is, as JSON can say it; dates in ISO form."""
        training = {key: _plain(value) for key, value in vars(self.training).items()}
        return {
            "detector": self.detector.name,
            "parameters": self.detector.parameters(),
            "features": list(self.features),
            "threshold": self.threshold,
            "training": training,
            "versions": self.versions,
        }

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Everything learned outside the detector, by name."""
        return {
            "medians": self.preparation.medians,
            "scales": self.preparation.scales,
            "indicated": self.preparation.indicated,
            "raw": self.calibration.raw,
            "exponents": self.calibration.exponents,
            "typical": self.typical,
        }

    @classmethod
    def restore(cls, card: dict[str, Any], arrays: dict[str, npt.NDArray[Any]], detector: Detector) -> Self:
        """The model again, from its `card()`, its `arrays()` and its detector."""
        return cls(
            detector=detector,
            preparation=Preparation(tuple(card["features"]), arrays["medians"], arrays["scales"], arrays["indicated"]),
            calibration=Calibration(arrays["raw"], arrays["exponents"]),
            threshold=card["threshold"],
            typical=arrays["typical"],
            training=Training.from_card(card["training"]),
            versions=card["versions"],
        )


def feature_values(features: pa.Table, names: tuple[str, ...]) -> Matrix:
    """The named columns as rows of floats, NaN where null."""
    columns = [pc.cast(features[name], pa.float64()).to_numpy() for name in names]
    return np.column_stack(columns).reshape(features.num_rows, len(names))


def _plain(value: object) -> object:
    """Dates and tuples as JSON has them."""
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
