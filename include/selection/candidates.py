"""The candidates of a selection: every detector as it is, with other settings, and without some of the features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from include.features.catalog import SURPRISES
from include.models.detectors import CONFIRMED_VARIANTS, QUICK_VARIANTS, VARIANTS, Variant, reader_class
from include.training.recipe import Recipe


@dataclass(frozen=True)
class Candidate(Variant):
    """A variant of a detector that a selection tries."""

    def recipe(self, base: Recipe) -> Recipe:
        """The recipe of this detector alone."""
        return replace(self.settle(base), detectors=(self.detector,), without=self.without)

    def settle(self, base: Recipe) -> Recipe:
        """The recipe with this candidate's settings in place of the detector's own, and with cases if it has them."""
        own = {**base.settings.get(self.detector, {}), **self.settings}
        return replace(base, settings={**base.settings, self.detector: own}, cases=base.cases or self.cases)


def candidates_of(training: Literal["full", "quick"], *, with_cases: bool = False) -> dict[str, Candidate]:
    """Every candidate of a selection, by name, in the order in which they are fitted.

    Parameters
    ----------
    training
        The setting `training`.
    with_cases
        Whether there are enough confirmed frauds to fit detectors on.
    """
    alone = [Variant(name, name, question="as it is") for name in Recipe.of(training).detectors]
    variants = VARIANTS if training == "full" else QUICK_VARIANTS
    tried = (*alone, *variants, *(CONFIRMED_VARIANTS if with_cases else ()))
    return {variant.name: Candidate(**vars(variant)) for variant in tried}


def detectors_without(detectors: tuple[str, ...], without: frozenset[str]) -> tuple[str, ...]:
    """The detectors that can be fitted without some features: a sequence reader cannot do without its surprises."""
    return tuple(name for name in detectors if reader_class([name]) is None or not without & set(SURPRISES))
