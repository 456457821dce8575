"""Figures by hand, and as scikit-learn computes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_score, recall_score

from include.evaluation.metrics import by_group, cutoff, figures

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])


def planted_at(*places: int) -> np.ndarray:
    return np.isin(np.arange(10), places)


def test_by_hand():
    found = figures(SCORES, planted_at(0, 2), 0.2)
    assert (found.recall, found.precision, found.planted) == (0.5, 0.5, 2)
    assert found.average_precision == pytest.approx((1 / 1 + 2 / 3) / 2)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=5, max_size=60).filter(
        lambda rows: any(planted for _, planted in rows)
    ),
    st.floats(0.05, 0.9),
)
def test_as_scikit_learn_computes_them(rows, budget):
    scores, planted = np.array([float(score) for score, _ in rows]), np.array([flag for _, flag in rows])
    found = figures(scores, planted, budget)
    flagged = scores >= cutoff(scores, budget)
    assert found.average_precision == pytest.approx(average_precision_score(planted, scores))
    assert found.recall == pytest.approx(recall_score(planted, flagged, zero_division=0))
    assert found.precision == pytest.approx(precision_score(planted, flagged, zero_division=0))
    assert flagged.sum() <= budget * len(scores)


def test_ties_at_the_cutoff_are_flagged_together_or_not_at_all():
    tied = np.array([0.9, 0.5, 0.5, 0.1])
    assert (tied >= cutoff(tied, 0.5)).tolist() == [True, False, False, False]
    assert (tied >= cutoff(tied, 0.75)).tolist() == [True, True, True, False]
    assert not (np.ones(4) >= cutoff(np.ones(4), 0.5)).any()


def test_a_budget_of_everything_flags_everything_and_none_nothing():
    assert figures(SCORES, planted_at(9), 1.0).recall == 1
    assert figures(SCORES, planted_at(0), 0.05).recall == 0


def test_nothing_planted_nothing_said():
    found = figures(SCORES, planted_at(), 0.2)
    assert found.planted == 0
    assert np.isnan([found.average_precision, found.recall, found.precision]).all()


def test_groups_are_measured_without_each_other():
    groups = np.array(["a", "b", None, None, None, None, None, None, None, "b"], dtype=object)
    found = by_group(SCORES, groups, 0.2)
    assert sorted(found) == ["a", "b"]
    assert (found["a"].planted, found["a"].recall) == (1, 1)
    assert (found["b"].planted, found["b"].recall) == (2, 0.5)  # of nine postings one is flagged: the first b
