"""Every detector by name; a new detector needs a module of its own and an entry here."""

from __future__ import annotations

from include.errors import SettingsError
from include.models.base import Detector
from include.models.contrast import Contrast
from include.models.isolation_forest import IsolationForest
from include.models.local_outlier_factor import LocalOutlierFactor
from include.models.lstm import Lstm
from include.models.rarity import Rarity

DETECTORS: dict[str, type[Detector]] = {
    detector.name: detector for detector in (IsolationForest, LocalOutlierFactor, Lstm, Rarity, Contrast)
}


def detector_class(name: str) -> type[Detector]:
    """The detector class registered under `name`.

    Raises
    ------
    SettingsError
        When there is no detector of that name.
    """
    if name not in DETECTORS:
        raise SettingsError(f"there is no detector {name!r}; known are {', '.join(sorted(DETECTORS))}")
    return DETECTORS[name]
