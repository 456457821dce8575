"""The candidates of a selection, the ensembles of them that compete, and the champion's own recipe among these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from include.features.catalog import SURPRISES
from include.models.detectors import (
    CONFIRMED_VARIANTS,
    QUICK_VARIANTS,
    VARIANTS,
    Variant,
    Weights,
    detector_class,
    reader_class,
)
from include.models.ensemble import Member
from include.models.model import Model
from include.training.choice import name_of
from include.training.recipe import Recipe


@dataclass(frozen=True)
class Candidate(Variant):
    """A variant of a detector that a selection tries."""

    def recipe(self, base: Recipe) -> Recipe:
        """The recipe of this detector alone."""
        return replace(self.settle(base), detectors=(self.detector,), without=self.without)

    def settle(self, base: Recipe) -> Recipe:
        """The recipe with this candidate's settings for its detector, and with confirmed frauds where it uses them."""
        own = {**base.settings.get(self.detector, {}), **self.settings}
        return replace(
            base,
            settings={**base.settings, self.detector: own},
            uses_confirmed=base.uses_confirmed or self.uses_confirmed,
        )


def candidates_of(training: Literal["full", "quick"], *, with_confirmed: bool = False) -> dict[str, Candidate]:
    """Every candidate of a selection, by name, in the order in which they are fitted.

    Parameters
    ----------
    training
        The setting `training`.
    with_confirmed
        Whether there are enough confirmed frauds to fit detectors on.
    """
    alone = [Variant(name, name, question="as it is") for name in Recipe.of(training).detectors]
    variants = VARIANTS if training == "full" else QUICK_VARIANTS
    tried = (*alone, *variants, *(CONFIRMED_VARIANTS if with_confirmed else ()))
    return {variant.name: Candidate(**vars(variant)) for variant in tried}


def detectors_without(detectors: tuple[str, ...], without: frozenset[str]) -> tuple[str, ...]:
    """The detectors that can be fitted without some features: a sequence reader cannot do without its surprises."""
    return tuple(name for name in detectors if reader_class([name]) is None or not without & set(SURPRISES))


@dataclass(frozen=True)
class EnsembleSpec:
    """An ensemble of candidates.

    Attributes
    ----------
    weights
        Weights by candidate.
    """

    weights: Weights

    @property
    def name(self) -> str:
        """The name for people, such as "contrast*2+rarity"."""
        return name_of(self.weights)

    def recipe(self, candidates: Mapping[str, Candidate], base: Recipe) -> tuple[Recipe, Weights]:
        """The recipe of its model, and the weights of the detectors; the others are fitted beside with weight 0."""
        members = [candidates[name] for name in self.weights]
        without = frozenset[str]().union(*(member.without for member in members))
        recipe = replace(
            base, detectors=detectors_without(base.detectors, without), without=without, uses_confirmed=False
        )
        for member in members:
            recipe = member.settle(recipe)
        return recipe, {candidates[name].detector: weight for name, weight in self.weights.items()}


def ensemble_specs_of(
    candidates: Mapping[str, Candidate], base: Recipe, champion: EnsembleSpec | None
) -> dict[str, EnsembleSpec]:
    """Every ensemble of the candidates given, by name.

    In ensembles a detector may be replaced by a variant with other settings or with confirmed frauds. A variant that
    does not see some features only competes alone, since the members of a model share their features.
    """
    alone: list[Weights] = [{name: 1} for name in candidates]
    together = [weights for weights in base.ensembles if set(weights) <= set(candidates)]
    other = [c for c in candidates.values() if (c.settings or c.uses_confirmed) and not c.without]
    replaced = [
        {variant.name if name == variant.detector else name: weight for name, weight in weights.items()}
        for weights in together
        for variant in other
        if variant.detector in weights
    ]
    found = {spec.name: spec for spec in map(EnsembleSpec, (*alone, *together, *replaced))}
    if champion is not None and set(champion.weights) <= set(candidates):
        known = next((spec for spec in found.values() if spec.weights == champion.weights), champion)
        found[known.name] = known
    return found


def name_among(specs: Mapping[str, EnsembleSpec], champion: EnsembleSpec | None) -> str:
    """The name under which the champion's recipe is among the ensembles; empty where it is not."""
    same = (name for name, spec in specs.items() if champion is not None and spec.weights == champion.weights)
    return next(same, "")


def ensemble_spec_of(model: Model, candidates: Mapping[str, Candidate], base: Recipe) -> EnsembleSpec:
    """A model's recipe in terms of candidates of a base: those made like it, else the detectors as they are."""
    voting = [member for member in model.members if member.weight > 0]
    return EnsembleSpec(
        {_likest(member, model, candidates, base, len(voting) == 1): member.weight for member in voting}
    )


def _likest(member: Member, model: Model, candidates: Mapping[str, Candidate], base: Recipe, is_alone: bool) -> str:
    same = [
        candidate
        for candidate in candidates.values()
        if candidate.detector == member.name
        and (is_alone or not candidate.without)
        and candidate.uses_confirmed
        == (bool(model.training.cases) and detector_class(candidate.detector).learns_from_examples)
        and not candidate.without & set(model.features)
        and _settings(candidate, base) == member.detector.settings()
    ]
    return max(same, key=lambda candidate: len(candidate.without)).name if same else member.name


def _settings(candidate: Candidate, base: Recipe) -> dict[str, Any]:
    return detector_class(candidate.detector)(seed=0, **candidate.settle(base).settings[candidate.detector]).settings()
