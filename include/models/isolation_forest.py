"""Isolation Forest (Liu, Ting, Zhou 2008): rows that few random cuts set apart are unusual."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.ensemble import IsolationForest as SklearnForest

from include.models.base import Detector, Examples, Matrix, Vector


class IsolationForest(Detector):
    """scikit-learn's forest behind the detector contract.

    Parameters
    ----------
    seed
        Of the sampling and the cuts.
    trees
        The paper finds path lengths settled well before 100; 200 halve what is left of the seed's noise for
        10 microseconds a row.
    sample_rows
        Rows per tree: the paper's 256, beyond which it gains nothing and anomalies start to hide each other. All
        rows when there are fewer.
    """

    name: ClassVar[str] = "isolation_forest"
    trusted_types: ClassVar[frozenset[str]] = frozenset({"sklearn.tree._tree.Tree"})

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
