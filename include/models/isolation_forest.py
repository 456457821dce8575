"""Isolation Forest (Liu, Ting, Zhou 2008): rows that a few random splits isolate are unusual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.ensemble import IsolationForest as SklearnForest

from include.models.base import Detector, Examples, Matrix, Vector


class IsolationForest(Detector):
    """scikit-learn's Isolation Forest as a detector.

    Parameters
    ----------
    seed
        Seed of the sampling and the splits.
    trees
        Number of trees. The paper finds that path lengths converge well before 100; 200 halve the remaining noise of
        the seed, at a cost of 10 microseconds per row.
    sample_rows
        Rows per tree, or all rows when there are fewer. More than the paper's 256 gain nothing, and anomalies start to
        hide each other.
    """

    name: ClassVar[str] = "isolation_forest"
    trusted_types: ClassVar[frozenset[str]] = frozenset({"sklearn.tree._tree.Tree"})
    quick_settings: ClassVar[Mapping[str, Any]] = {"trees": 40}

    forest_: SklearnForest

    def __init__(self, seed: int, trees: int = 200, sample_rows: int = 256) -> None:
        super().__init__(seed)
        self.trees = trees
        self.sample_rows = sample_rows

    def _fit(self, X: Matrix, examples: Examples | None) -> None:  # noqa: N803
        self.forest_ = SklearnForest(
            n_estimators=self.trees,
            max_samples=min(self.sample_rows, len(X)),
            random_state=self.seed,
            n_jobs=1,
        ).fit(X)

    def _score(self, X: Matrix) -> Vector:  # noqa: N803
        return np.asarray(-self.forest_.score_samples(X), dtype=np.float64)
