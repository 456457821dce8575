"""What a training may use: which detectors, which ensembles of them and how many planted rounds.

Contrast is a detector of boosted trees that tell planted anomalies from the bank's own past; rarity is one that adds up
how rare each feature's value is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from include.models.contrast import Contrast
from include.models.isolation_forest import IsolationForest
from include.models.local_outlier_factor import LocalOutlierFactor
from include.models.lstm import Lstm
from include.models.rarity import Rarity

Weights = Mapping[str, float]
"""An ensemble: the weight of every member, by detector."""

ENSEMBLES: tuple[Weights, ...] = (
    {Contrast.name: 1, Rarity.name: 1},
    {Contrast.name: 2, Rarity.name: 1},
    {Contrast.name: 1, Lstm.name: 1},
    {Contrast.name: 2, Rarity.name: 1, Lstm.name: 1},
    {Contrast.name: 2, IsolationForest.name: 1, LocalOutlierFactor.name: 1},
    {IsolationForest.name: 1, LocalOutlierFactor.name: 1, Lstm.name: 1},
    {Contrast.name: 3, IsolationForest.name: 1, LocalOutlierFactor.name: 1, Lstm.name: 1},
    dict.fromkeys((Contrast.name, IsolationForest.name, LocalOutlierFactor.name, Lstm.name, Rarity.name), 1),
)
"""Ensembles that are tried beside every detector alone. They include the plain mean of the three detectors that the
mission names."""

QUICK_ENSEMBLES = (ENSEMBLES[3],)
QUICK_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    Lstm.name: {"hidden": 16, "epochs": 2, "sample_rows": 1_500},
    Contrast.name: {"trees": 40, "bins": 32},
    IsolationForest.name: {"trees": 40},
    LocalOutlierFactor.name: {"neighbours": 10, "reference_rows": 1_000},
}
"""Settings of quick trainings: every detector is small, and one ensemble contains the sequence reader."""


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes
    ----------
    detectors
        Names of the detectors that are fitted and published; ensembles are made of them.
    ensembles
        Ensembles that are tried beside every detector alone; those with a member that is not fitted are skipped.
    rounds
        Number of planted rounds per stretch of nights. Detectors are fitted on two stretches; the ensemble is chosen
        on the last one.
    fallback
        Detector that is used alone where the past is too short to plant anything, so that there is no evidence.
    settings
        Parameters of detectors that differ from their defaults, by detector.
    without
        Names of features that are left out.
    cases
        Whether detectors are also fitted on confirmed frauds, where there are enough of them.
    """

    detectors: tuple[str, ...] = (
        IsolationForest.name,
        LocalOutlierFactor.name,
        Lstm.name,
        Rarity.name,
        Contrast.name,
    )
    ensembles: tuple[Weights, ...] = ENSEMBLES
    rounds: int = 3
    fallback: str = Rarity.name
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    cases: bool = True

    @classmethod
    def of(cls, training: Literal["full", "quick"]) -> Self:
        """The recipe that the setting `training` names."""
        if training == "full":
            return cls()
        return cls(ensembles=QUICK_ENSEMBLES, rounds=1, settings=QUICK_SETTINGS)

    def candidates(self) -> list[Weights]:
        """Every detector alone, then the ensembles of those that are fitted."""
        alone: list[Weights] = [{name: 1} for name in self.detectors]
        return alone + [weights for weights in self.ensembles if set(weights) <= set(self.detectors)]
