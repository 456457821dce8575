"""The interface of detectors that read sequences: what surprises them is a feature of every other detector."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from include.models.base import Detector, Matrix, Vector, View


@dataclass(frozen=True)
class Expectation:
    """The expected values of one posting, each part given the true values of the parts before it.

    Attributes
    ----------
    gap_days
        Likeliest number of days since the previous posting; None without one.
    kind
        Likeliest kind id on that date, an index into `("", *KINDS)`.
    kind_probability
        Probability of the likeliest kind.
    seen_kind_probability
        Probability of the observed kind.
    counterparty
        Likeliest token given the observed kind: 0 no counterparty, 1 one of the window's, 2 another.
    amount_cents, low_cents, high_cents
        Median and 80 % range of the amount given the observed kind and counterparty, in cents.
    """

    gap_days: int | None
    kind: int
    kind_probability: float
    seen_kind_probability: float
    counterparty: int
    amount_cents: float
    low_cents: float
    high_cents: float


class SequenceReader(Detector):
    """A detector whose rows are windows, as `include.features.sequences` makes them, not prepared further.

    A model has one reader at most. Its surprises are columns of every row that the model sees
    (`include.features.catalog.SURPRISES`), so that windows are read once and not by each detector; its own score is
    their sum. What it learned is a flat dictionary of numeric arrays, kept as tensors.
    """

    sees: ClassVar[View] = "windows"

    @abstractmethod
    def surprises(self, X: Matrix) -> Matrix:  # noqa: N803
        """How surprising each part of a posting is, shape (n_rows, 4), in the order of `SURPRISES`."""

    @abstractmethod
    def expectation(self, X: Matrix) -> list[Expectation]:  # noqa: N803
        """The expectation of each row; raises as `score` does."""

    @abstractmethod
    def blames(self, X: Matrix, top: int = 2) -> list[list[int]]:  # noqa: N803
        """The earlier postings that make each row most surprising.

        Parameters
        ----------
        X
            Rows, shape (n_rows, n_features).
        top
            Largest number of postings per row.

        Returns
        -------
        list
            For each row the places of these postings in its window, where 0 is the oldest.
        """

    @staticmethod
    def total(surprises: Matrix) -> Vector:
        """The raw score of rows whose surprises are known, shape (n_rows,)."""
        return np.asarray(surprises.sum(axis=1), dtype=np.float64)

    def _score(self, X: Matrix) -> Vector:  # noqa: N803
        return self.total(self.surprises(X))
