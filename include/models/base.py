"""The interface of every detector: it is fitted on rows believed ordinary and scores rows; higher is more anomalous."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from include.errors import TerminalError

# Windows are kept in single precision, which halves the memory that a million of them take.
Matrix = npt.NDArray[np.float64] | npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]
View = Literal["codes", "columns", "windows"]
"""What a detector's input rows hold. "codes": the strongest rarity of every reason code. "columns": all prepared
columns, with those that are no sign by themselves last. "windows": the windows of `include.features.sequences`."""


class NotFittedError(TerminalError):
    """Raised when a detector is asked for scores before it was fitted."""


class MatrixError(TerminalError):
    """Raised when a matrix is not what a detector can take: not two-dimensional, not finite, other columns."""


@dataclass(frozen=True)
class Examples:
    """Rows known or planted to be anomalous, for detectors that learn from some.

    Attributes
    ----------
    rows
        Shape (n_examples, n_features), as the rows of `fit`.
    weights
        Weight of each row in the fit, shape (n_examples,).
    """

    rows: Matrix
    weights: Vector


class Detector(ABC):
    """A detector of unusual rows.

    `fit` and `score` check their input and run on one thread, so that the same input gives the same bits; subclasses
    implement the computation in `_fit` and `_score`. `__init__` only assigns its parameters. Attributes whose names end
    in one underscore hold what was learned; `learned` returns them and `restore` sets them again.
    """

    name: ClassVar[str]
    """Name under which the detector is registered and published."""
    trusted_types: ClassVar[frozenset[str]] = frozenset()
    """Types, beyond skops' own defaults, that its learned attributes may contain; loading refuses all others."""
    sees: ClassVar[View] = "codes"
    """The view of a posting that its input rows hold; see `View`."""
    learns_from_examples: ClassVar[bool] = False
    """Whether `fit` needs examples of anomalous rows: planted ones, and confirmed frauds where there are enough."""
    given: ClassVar[tuple[str, ...]] = ()
    """Constructor arguments that a training takes from the preparation's properties of the same names. A recipe sets
    neither these nor the seed."""
    quick_settings: ClassVar[Mapping[str, Any]] = {}
    """Constructor arguments of quick trainings, which make the detector small."""

    n_features_: int

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, X: Matrix, examples: Examples | None = None) -> Self:  # noqa: N803 - scientific Python's own name
        """Learn what is usual.

        Parameters
        ----------
        X
            Rows of the past, shape (n_rows, n_features), finite.
        examples
            Anomalous rows; detectors with `learns_from_examples` need them, the others ignore them.

        Raises
        ------
        MatrixError
            When `X` is empty, not two-dimensional or not finite, or when examples are needed and there are none.
        """
        _check_matrix(X)
        if len(X) == 0:
            raise MatrixError("the training matrix has no rows; a detector needs at least one: give it more history")
        if self.learns_from_examples:
            _check_examples(self.name, X, examples)
        self.n_features_ = X.shape[1]
        with threadpool_limits(limits=1):
            self._fit(X, examples)
        return self

    def score(self, X: Matrix) -> Vector:  # noqa: N803
        """Raw scores, shape (n_rows,); higher is more anomalous. Each row's score depends on that row alone.

        Raises
        ------
        NotFittedError
            When called before `fit`.
        MatrixError
            When `X` has another number of columns than the training rows, or is not finite.
        """
        self._check_fitted()
        _check_matrix(X)
        if X.shape[1] != self.n_features_:
            raise MatrixError(f"{self.name} was fitted on {self.n_features_} columns and got {X.shape[1]}")
        if len(X) == 0:
            return np.empty(0, dtype=np.float64)
        with threadpool_limits(limits=1):
            return self._score(X)

    def parameters(self) -> dict[str, Any]:
        """The arguments that the detector was constructed with."""
        return {key: value for key, value in vars(self).items() if not key.endswith("_")}

    def settings(self) -> dict[str, Any]:
        """The constructor arguments that a recipe may set."""
        return {name: value for name, value in self.parameters().items() if name not in ("seed", *self.given)}

    def learned(self) -> dict[str, Any]:
        """The learned attributes, by name."""
        self._check_fitted()
        return {key: value for key, value in vars(self).items() if key.endswith("_")}

    @classmethod
    def restore(cls, parameters: dict[str, Any], learned: dict[str, Any]) -> Self:
        """Rebuild a fitted detector from its `parameters()` and `learned()`."""
        detector = cls(**parameters)
        vars(detector).update(learned)
        return detector

    def _check_fitted(self) -> None:
        if not hasattr(self, "n_features_"):
            raise NotFittedError(f"{self.name} has not been fitted: call fit before score")

    @abstractmethod
    def _fit(self, X: Matrix, examples: Examples | None) -> None:  # noqa: N803
        """Learn from a checked matrix."""

    @abstractmethod
    def _score(self, X: Matrix) -> Vector:  # noqa: N803
        """Score a checked, non-empty matrix."""


def _check_matrix(X: Matrix) -> None:  # noqa: N803
    if X.ndim != 2:
        raise MatrixError(f"a matrix of rows and columns is needed, got {X.ndim} dimensions")
    if not np.isfinite(X).all():
        raise MatrixError("the matrix holds values that are not finite: prepare it with Preparation.apply first")


def _check_examples(name: str, X: Matrix, examples: Examples | None) -> None:  # noqa: N803
    if examples is None or len(examples.rows) == 0:
        raise MatrixError(f"{name} learns from examples of anomalies and got none: plant some into the past")
    _check_matrix(examples.rows)
    if examples.rows.shape[1] != X.shape[1]:
        raise MatrixError(f"examples have {examples.rows.shape[1]} columns and ordinary rows {X.shape[1]}")
