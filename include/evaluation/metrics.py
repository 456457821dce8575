"""Figures on how well scores find planted anomalies: in total, and by kind and strength."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.models.base import Vector

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RankingFigures:
    """Figures of one ranking on one set of planted postings.

    Attributes
    ----------
    average_precision
        Area under the precision-recall curve; a random ranking reaches the share of planted postings.
    recall, precision
        Recall and precision among the top `budget` share of all postings.
    planted
        Number of planted postings.
    """

    average_precision: float
    recall: float
    precision: float
    planted: int


def figures(scores: Vector, is_planted: Flags, budget: float) -> RankingFigures:
    """The figures of one ranking; ties are flagged together or not at all, never beyond the budget.

    Examples
    --------
    >>> figures(np.array([0.9, 0.8, 0.1, 0.2]), np.array([True, False, False, False]), 0.25).recall
    1.0
    """
    planted = int(is_planted.sum())
    if planted == 0:
        return RankingFigures(float("nan"), float("nan"), float("nan"), 0)
    flagged = scores >= cutoff(scores, budget)
    caught = int((flagged & is_planted).sum())
    return RankingFigures(
        average_precision=_average_precision(np.sort(scores), np.sort(scores[is_planted])),
        recall=caught / planted,
        precision=caught / max(int(flagged.sum()), 1),
        planted=planted,
    )


def _average_precision(scores: Vector, planted: Vector) -> float:
    """Mean over the planted postings of the precision among all that score at least as high.

    Both arrays are in ascending order. scikit-learn's function gives the same number, but takes ten times as long for
    the thousands of small rankings that one choice of an ensemble compares.
    """
    found = len(planted) - np.searchsorted(planted, planted)
    return float(np.mean(found / (len(scores) - np.searchsorted(scores, planted))))


def cutoff(scores: Vector, budget: float) -> float:
    """The lowest cutoff that at most the budget's share of these postings reach."""
    allowed = int(np.floor(budget * len(scores)))
    ranked = np.sort(scores)[::-1]
    if allowed >= len(ranked):
        return float(ranked[-1])
    return float(np.nextafter(ranked[allowed], np.inf))


def by_group(scores: Vector, groups: npt.NDArray[np.object_], budget: float) -> dict[str, RankingFigures]:
    """The figures of every group of planted postings; each ranking leaves out the other groups.

    Parameters
    ----------
    scores
        Score of each posting; higher is more anomalous.
    groups
        Group of each posting; None where nothing was planted.
    budget
        Share of postings that count as the top.
    """
    ordinary = np.array([group is None for group in groups], dtype=np.bool_)
    found = {}
    for name in sorted({str(group) for group in groups[~ordinary]}):
        mine = groups == name
        kept = ordinary | mine
        found[name] = figures(scores[kept], mine[kept], budget)
    return found


def label_of(trans_ids: pa.ChunkedArray, labels: pa.Table, column: str) -> npt.NDArray[np.object_]:
    """The label of each posting, in the order of `trans_ids`; None where nothing was planted."""
    known = dict(zip(labels["trans_id"].to_pylist(), labels[column].to_pylist(), strict=True))
    return np.array([known.get(trans_id) for trans_id in trans_ids.to_pylist()], dtype=object)
