"""Fits everything a model consists of on one set of past rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.evaluation.rounds import InjectedSample
from include.features.catalog import CONTEXT, FEATURES_BY_NAME, GRADED, MODEL_FEATURES, SURPRISES
from include.features.sequences import window_matrix
from include.models.base import Detector, Examples, Matrix, Vector
from include.models.calibration import Calibration
from include.models.detectors import Weights, detector_class, reader_class
from include.models.ensemble import Member
from include.models.model import feature_values, raw_scores
from include.models.preparation import Preparation, total_rarity
from include.models.sequence_reader import SequenceReader
from include.stages import stage
from include.training.recipe import Recipe

Labels = npt.NDArray[np.object_]

MAX_TRAINING_ROWS = 20_000
"""Largest number of rows a detector is fitted on. A forest of 200 trees of 256 rows draws 51,200 rows at most; more
training rows cost memory and change nothing."""
MAX_ROWS_BESIDE_EXAMPLES = 60_000
"""Largest number of ordinary rows that a detector which learns from examples is fitted on beside them: some seconds of
boosting on one core."""
ORDINARY_SHARE = 0.995
"""Share of the past rows that detectors learn the usual from. The rarest one in two hundred is left out of the fit, as
it would make the unusual look usual. Detectors that learn from examples see all rows: without its natural tails a
bank's own rare rows would look like planted ones (on a bank with known frauds, 0.042 of average precision instead of
0.026)."""


@dataclass(frozen=True)
class FitContext:
    """The parts of a training that all its detectors share.

    Attributes
    ----------
    sequence
        The sequence reader; None where none is trained. Rows that it has read contain its surprises, so that fitting
        on such rows does not call it again.
    preparation
        Preparation learned on the past rows.
    values
        Raw past rows, with columns in the preparation's order.
    """

    sequence: SequenceReader | None
    preparation: Preparation
    values: Matrix

    @classmethod
    def learn(cls, features: pa.Table, recipe: Recipe, seed: int, sequence: SequenceReader | None = None) -> FitContext:
        """Learn the preparation on past rows, and train the sequence reader where none is given."""
        sequence = sequence or fit_sequence(features, recipe, seed)
        raw = raw_values(features, sequence)
        preparation = Preparation.learn(_codes(sequence), CONTEXT, raw, GRADED).without(recipe.without)
        return cls(sequence, preparation, raw[:, _order(preparation, sequence)])

    def read(self, features: pa.Table) -> Matrix:
        """Raw rows of a feature table in the preparation's order."""
        return raw_values(features, self.sequence)[:, _order(self.preparation, self.sequence)]

    def examples(self, rounds: Sequence[InjectedSample]) -> Examples | None:
        """The planted rows of some rounds as examples; None where there are none, as in a stretch without postings."""
        if not any(round_.is_planted.any() for round_ in rounds):
            return None
        rows = np.vstack([np.asarray(self.read(round_.positives), dtype=np.float64) for round_ in rounds])
        kinds, strengths = (
            np.concatenate([getattr(round_, of)[round_.is_planted] for round_ in rounds])
            for of in ("kinds", "strengths")
        )
        return self.weigh(rows, kinds, strengths)

    def weigh(self, rows: Matrix, kinds: Labels, strengths: Labels) -> Examples:
        """Planted raw rows as examples; every pair of kind and strength has the same total weight."""
        cells = [f"{kind} {strength}" for kind, strength in zip(kinds, strengths, strict=True)]
        names, cell, counts = np.unique(cells, return_inverse=True, return_counts=True)
        prepared = np.asarray(self.preparation.apply(rows), dtype=np.float64)
        return Examples(prepared, len(cells) / len(names) / counts[cell])


@dataclass(frozen=True)
class Fitted:
    """All fitted parts of a model, before the choice of an ensemble.

    Attributes
    ----------
    sequence
        The sequence reader; None where none is trained.
    preparation
        Preparation learned on the past rows.
    values
        Raw past rows that the detectors were fitted on, with columns in the preparation's order.
    detectors, calibrations
        Fitted detectors and the calibrations of their raw scores, by name.
    exponents
        Rarity of each of these rows' scores, by detector.
    """

    sequence: SequenceReader | None
    preparation: Preparation
    values: Matrix
    detectors: Mapping[str, Detector]
    calibrations: Mapping[str, Calibration]
    exponents: Mapping[str, Vector]

    def members(self, weights: Weights) -> tuple[Member, ...]:
        """The detectors as members of an ensemble; those without a weight get weight 0."""
        return tuple(
            Member(detector, self.calibrations[name], float(weights.get(name, 0)))
            for name, detector in self.detectors.items()
        )

    def read(self, features: pa.Table) -> Matrix:
        """Raw rows of a feature table in the preparation's order."""
        return FitContext(self.sequence, self.preparation, self.values).read(features)

    def exponents_of(self, features: pa.Table) -> dict[str, Vector]:
        """The rarity of each row's score, by detector."""
        return self.rarities(self.read(features))

    def rarities(self, values: Matrix) -> dict[str, Vector]:
        """The rarity of each row's score, by detector, for raw rows in the preparation's order."""
        prepared = self.preparation.apply(values)
        return {
            name: self.calibrations[name].exponents_of(raw_scores(detector, self.preparation, values, prepared))
            for name, detector in self.detectors.items()
        }


def fit(
    features: pa.Table,
    rounds: Sequence[InjectedSample],
    recipe: Recipe,
    seed: int,
    sequence: SequenceReader | None = None,
) -> Fitted:
    """Fit a recipe's detectors on past rows, and on planted ones where a detector learns from examples.

    Parameters
    ----------
    features
        Feature table of the past, whose rows are believed to be mostly ordinary.
    rounds
        Planted rounds of the same past; without any, detectors that need examples are left out.
    recipe
        Recipe with the detectors to fit and their settings.
    seed
        Seed of all random choices.
    sequence
        Result of `fit_sequence` for the same rows, recipe and seed; when None, it is fitted here.
    """
    context = FitContext.learn(features, recipe, seed, sequence)
    return fit_on(context, context.examples(rounds), recipe, seed)


def fit_on(context: FitContext, examples: Examples | None, recipe: Recipe, seed: int) -> Fitted:
    """Fit a recipe's detectors on a fit context that was learned before."""
    preparation, values = context.preparation, context.values
    prepared = preparation.apply(values)
    detectors = _fit_detectors(preparation, prepared, examples, context.sequence, recipe, seed)
    raws = {name: raw_scores(detector, preparation, values, prepared) for name, detector in detectors.items()}
    calibrations = {name: Calibration.learn(scores) for name, scores in raws.items()}
    exponents = {name: calibrations[name].exponents_of(scores) for name, scores in raws.items()}
    return Fitted(context.sequence, preparation, values, detectors, calibrations, exponents)


def fitted_without(
    kinds: frozenset[str], fitted: Fitted, rounds: Sequence[InjectedSample], recipe: Recipe, seed: int
) -> Fitted:
    """Fit the detectors that learn from examples again, without some kinds.

    Parameters
    ----------
    kinds
        Kinds of anomaly to leave out of the examples.
    fitted
        Result of `fit` for the same rounds, recipe and seed.
    """
    context = FitContext(fitted.sequence, fitted.preparation, fitted.values)
    learners = tuple(name for name, detector in fitted.detectors.items() if detector.learns_from_examples)
    examples = context.examples([round_.without(kinds) for round_ in rounds])
    return fit_on(context, examples, replace(recipe, detectors=learners), seed)


def raw_values(features: pa.Table, sequence: SequenceReader | None) -> Matrix:
    """All raw columns, NaN where missing: signs, the sequence reader's surprises, then context."""
    signs = feature_values(features, tuple(f.name for f in MODEL_FEATURES if f.name not in SURPRISES))
    around = feature_values(features, CONTEXT)
    read = [] if sequence is None else [sequence.surprises(window_matrix(features))]
    return np.asarray(np.hstack([signs, *read, around]), dtype=np.float64)


def _codes(sequence: SequenceReader | None) -> dict[str, str]:
    """Reason code of each feature: the plain features, then the sequence reader's surprises."""
    plain = {f.name: f.code for f in MODEL_FEATURES if f.name not in SURPRISES}
    return plain if sequence is None else {**plain, **{name: FEATURES_BY_NAME[name].code for name in SURPRISES}}


def _order(preparation: Preparation, sequence: SequenceReader | None) -> list[int]:
    """Places of the preparation's columns among those of `raw_values`."""
    columns = (*_codes(sequence), *CONTEXT)
    return [columns.index(name) for name in preparation.columns]


def fit_sequence(features: pa.Table, recipe: Recipe, seed: int) -> SequenceReader | None:
    """The sequence reader of a recipe, fitted on past rows; None where the recipe has none."""
    kind = reader_class(recipe.detectors)
    if kind is None:
        return None
    sequence = kind(seed, **recipe.settings.get(kind.name, {}))
    with stage(f"{kind.name} fitted"):
        sequence.fit(window_matrix(features))
    return sequence


def _fit_detectors(
    preparation: Preparation,
    prepared: Matrix,
    examples: Examples | None,
    sequence: SequenceReader | None,
    recipe: Recipe,
    seed: int,
) -> dict[str, Detector]:
    ordinary = prepared[_is_ordinary(preparation.view(prepared, "codes"))]
    detectors: dict[str, Detector] = {}
    for name in recipe.detectors:
        kind = detector_class(name)
        if sequence is not None and name == sequence.name:
            detectors[name] = sequence
        elif kind.learns_from_examples and examples is not None:
            rows = sample_rows(prepared, MAX_ROWS_BESIDE_EXAMPLES, seed)
            seen = replace(examples, rows=preparation.view(examples.rows, kind.sees))
            with stage(f"{name} fitted"):
                detectors[name] = _made(kind, preparation, recipe, seed).fit(preparation.view(rows, kind.sees), seen)
        elif not kind.learns_from_examples:
            rows = sample_rows(ordinary, MAX_TRAINING_ROWS, seed)
            with stage(f"{name} fitted"):
                detectors[name] = _made(kind, preparation, recipe, seed).fit(preparation.view(rows, kind.sees))
    return detectors


def _made(kind: type[Detector], preparation: Preparation, recipe: Recipe, seed: int) -> Detector:
    given = {name: getattr(preparation, name) for name in kind.given}
    return kind(seed, **given, **recipe.settings.get(kind.name, {}))


def _is_ordinary(codes: Matrix) -> np.ndarray:
    far = total_rarity(codes)
    return np.asarray(far <= np.quantile(far, ORDINARY_SHARE), dtype=np.bool_)


def sample_rows(matrix: Matrix, most: int, seed: int) -> Matrix:
    """At most `most` rows, drawn without replacement and kept in their order."""
    if len(matrix) <= most:
        return matrix
    chosen = np.random.default_rng(seed).choice(len(matrix), most, replace=False)
    return matrix[np.sort(chosen)]
