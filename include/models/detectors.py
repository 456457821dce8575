"""The catalogue of detectors: all that are trained, the ensembles they are tried in, and variants of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from include.errors import SettingsError
from include.features.catalog import MODEL_FEATURES, SURPRISES
from include.models.base import Detector
from include.models.contrast import Contrast
from include.models.isolation_forest import IsolationForest
from include.models.local_outlier_factor import LocalOutlierFactor
from include.models.lstm import Lstm
from include.models.rarity import Rarity
from include.models.sequence_reader import SequenceReader

Weights = Mapping[str, float]
"""An ensemble: the weight of every member, by detector."""

DETECTORS: dict[str, type[Detector]] = {
    detector.name: detector for detector in (IsolationForest, LocalOutlierFactor, Lstm, Rarity, Contrast)
}
"""Every detector by name. A new one needs a module of its own and an entry here: it is then trained, tried alone by
every training and selection, published beside the others, saved and loaded."""

FALLBACK = Rarity.name
"""Detector that is used alone where nothing could be planted to choose by; it needs no examples."""

WITH_READER: Weights = {Contrast.name: 2, Rarity.name: 1, Lstm.name: 1}
"""The ensemble of quick trainings, which contains the sequence reader."""

ENSEMBLES: tuple[Weights, ...] = (
    {Contrast.name: 1, Rarity.name: 1},
    {Contrast.name: 2, Rarity.name: 1},
    {Contrast.name: 1, Lstm.name: 1},
    WITH_READER,
    {Contrast.name: 2, IsolationForest.name: 1, LocalOutlierFactor.name: 1},
    {IsolationForest.name: 1, LocalOutlierFactor.name: 1, Lstm.name: 1},
    {Contrast.name: 3, IsolationForest.name: 1, LocalOutlierFactor.name: 1, Lstm.name: 1},
    dict.fromkeys((Contrast.name, IsolationForest.name, LocalOutlierFactor.name, Lstm.name, Rarity.name), 1),
)
"""Ensembles that are tried beside every detector alone. They include the plain mean of the three detectors that the
mission names."""
QUICK_ENSEMBLES = (WITH_READER,)


@dataclass(frozen=True)
class Variant:
    """One detector as it may be fitted.

    Attributes
    ----------
    name
        Name in a selection's comparison: letters, digits and underscores.
    detector
        Name of the detector.
    settings
        Parameters that differ from the recipe's.
    without
        Names of features that it does not see.
    uses_confirmed
        Whether it is fitted on confirmed frauds too, and not on planted anomalies alone.
    question
        Question that trying it answers.
    """

    name: str
    detector: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    uses_confirmed: bool = False
    question: str = ""


QUICK_VARIANTS = (
    Variant(
        "contrast_without_surprises",
        Contrast.name,
        without=frozenset(SURPRISES),
        question="is the sequence reader, the dearest part of a training, worth its price?",
    ),
)
"""Variants that quick trainings try too, since a bank may do without a sequence reader."""

VARIANTS = (
    *QUICK_VARIANTS,
    Variant(
        "contrast_without_sequences",
        Contrast.name,
        without=frozenset({*SURPRISES, *(feature.name for feature in MODEL_FEATURES if feature.code == "sequence")}),
        question="does the order of operations matter at all in this bank?",
    ),
    Variant(
        "contrast_short",
        Contrast.name,
        {"trees": 150, "learning_rate": 0.1},
        question="do half the trees at twice the rate find as much for half the price?",
    ),
    Variant(
        "contrast_wide",
        Contrast.name,
        {"leaves": 31},
        question="has the bank enough postings for trees of twice the leaves?",
    ),
    Variant(
        "isolation_forest_deep",
        IsolationForest.name,
        {"sample_rows": 1024},
        question="are there more ordinary ways of life than 256 rows show?",
    ),
    Variant(
        "local_outlier_factor_near",
        LocalOutlierFactor.name,
        {"neighbours": 20},
        question="are anomalies odd among few neighbours only?",
    ),
)
"""Variants that a selection tries beside the detectors as they are. The settings are steps of a factor of two to four
around what was settled on the real bank: finer ones differed by less than the rounds' own spread there."""

CONFIRMED_VARIANTS = (
    Variant(
        "contrast_confirmed",
        Contrast.name,
        uses_confirmed=True,
        question="do the cases that analysts confirmed teach what planting does not?",
    ),
)
"""Variants that are tried where every fold has enough confirmed frauds before its nights
(`include.training.confirmed_frauds.LEAST_CASES`)."""


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


def reader_class(names: Collection[str]) -> type[SequenceReader] | None:
    """The class of the sequence reader among some detectors; None where none of them reads sequences.

    Raises
    ------
    SettingsError
        When there is no detector of a name, or more than one reads sequences.
    """
    readers = [kind for kind in map(detector_class, names) if issubclass(kind, SequenceReader)]
    if len(readers) > 1:
        found = ", ".join(kind.name for kind in readers)
        raise SettingsError(f"{found} all read sequences, and a model has one such reader: leave out the others")
    return readers[0] if readers else None
