"""What competes: every detector as it is, with other settings, and without some of the features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from include.features.catalog import MODEL_FEATURES
from include.models.contrast import Contrast
from include.models.isolation_forest import IsolationForest
from include.models.local_outlier_factor import LocalOutlierFactor
from include.models.lstm import PARTS, Lstm
from include.training.recipe import Recipe

SURPRISES = frozenset(PARTS)
"""What the sequence reader says of a posting."""
SEQUENCES = SURPRISES | {feature.name for feature in MODEL_FEATURES if feature.code == "sequence"}
"""All that looks at the order of an account's operations, counted or forecast."""


@dataclass(frozen=True)
class Candidate:
    """One detector as it may be fitted.

    Attributes
    ----------
    name
        Its name in the comparison: letters, digits and underscores.
    detector
        Which detector it is.
    settings
        Parameters that differ from the recipe's.
    without
        Features it does not see.
    cases
        Whether it is taught confirmed cases beside what is planted.
    question
        What it is tried for.
    """

    name: str
    detector: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    cases: bool = False
    question: str = ""

    def recipe(self, base: Recipe) -> Recipe:
        """The recipe of this detector alone."""
        return replace(self.settle(base), detectors=(self.detector,), without=self.without)

    def settle(self, base: Recipe) -> Recipe:
        """The recipe with this candidate's settings in place of the detector's own, and with cases if it has them."""
        own = {**base.settings.get(self.detector, {}), **self.settings}
        return replace(base, settings={**base.settings, self.detector: own}, cases=base.cases or self.cases)


BLIND_TO_ORDER = (
    Candidate(
        "contrast_without_surprises",
        Contrast.name,
        without=SURPRISES,
        question="is the sequence reader, the dearest part of a training, worth its price?",
    ),
)
"""Tried by quick trainings too, since a bank may do without a sequence reader."""

VARIANTS = (
    *BLIND_TO_ORDER,
    Candidate(
        "contrast_without_sequences",
        Contrast.name,
        without=SEQUENCES,
        question="does the order of operations matter at all in this bank?",
    ),
    Candidate(
        "contrast_short",
        Contrast.name,
        {"trees": 150, "learning_rate": 0.1},
        question="do half the trees at twice the rate find as much for half the price?",
    ),
    Candidate(
        "contrast_wide",
        Contrast.name,
        {"leaves": 31},
        question="has the bank enough postings for trees of twice the leaves?",
    ),
    Candidate(
        "isolation_forest_deep",
        IsolationForest.name,
        {"sample_rows": 1024},
        question="are there more ordinary ways of life than 256 rows show?",
    ),
    Candidate(
        "local_outlier_factor_near",
        LocalOutlierFactor.name,
        {"neighbours": 20},
        question="are anomalies odd among few neighbours only?",
    ),
)
"""Tried beside the detectors as they are. The settings are steps of a factor of two to four around what was settled on
the real bank: finer ones differed by less than the rounds' own spread there."""


SEMI_SUPERVISED = (
    Candidate(
        "contrast_confirmed",
        Contrast.name,
        cases=True,
        question="do the cases that analysts confirmed teach what planting does not?",
    ),
)
"""Tried where every fold has `include.training.confirmed_frauds.LEAST_CASES` confirmed before its nights."""


def candidates_of(training: Literal["full", "quick"], *, with_cases: bool = False) -> dict[str, Candidate]:
    """Everything that competes, by name, in the order it is fitted; `with_cases` where there are enough to teach."""
    alone = [Candidate(name, name, question="as it is") for name in Recipe.of(training).detectors]
    variants = VARIANTS if training == "full" else BLIND_TO_ORDER
    return {candidate.name: candidate for candidate in (*alone, *variants, *(SEMI_SUPERVISED if with_cases else ()))}


def detectors_without(detectors: tuple[str, ...], without: frozenset[str]) -> tuple[str, ...]:
    """The detectors that can be fitted without some features: the sequence reader is its surprises."""
    return tuple(name for name in detectors if name != Lstm.name or not without & SURPRISES)
