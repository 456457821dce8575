"""What a training may use: which detectors, which ensembles of them and how many planted rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from include.models.detectors import DETECTORS, ENSEMBLES, FALLBACK, QUICK_ENSEMBLES, Weights


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
    uses_confirmed
        Whether detectors are also fitted on confirmed frauds, where there are enough of them.
    """

    detectors: tuple[str, ...] = field(default_factory=lambda: tuple(DETECTORS))
    ensembles: tuple[Weights, ...] = ENSEMBLES
    rounds: int = 3
    fallback: str = FALLBACK
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    uses_confirmed: bool = True

    @classmethod
    def of(cls, training: Literal["full", "quick"]) -> Self:
        """The recipe that the setting `training` names."""
        if training == "full":
            return cls()
        small = {name: detector.quick_settings for name, detector in DETECTORS.items()}
        return cls(ensembles=QUICK_ENSEMBLES, rounds=1, settings=small)

    def candidates(self) -> list[Weights]:
        """Every detector alone, then the ensembles of those that are fitted."""
        alone: list[Weights] = [{name: 1} for name in self.detectors]
        return alone + [weights for weights in self.ensembles if set(weights) <= set(self.detectors)]
