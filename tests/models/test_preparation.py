"""The matrix a detector sees."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from include.models.base import MatrixError
from include.models.model import feature_values
from include.models.preparation import LARGEST_SCALED, Preparation

RAW = np.array([[1.0, np.nan, np.nan], [2.0, 5.0, np.nan], [3.0, 7.0, np.nan]])
PREPARED = Preparation.learn(("a", "b", "c"), RAW)


def test_a_feature_never_present_is_not_used():
    assert PREPARED.features == ("a", "b")


def test_missing_values_take_the_median_and_are_indicated():
    matrix = PREPARED.apply(RAW[:, :2])
    assert matrix.shape == (3, 3)  # a, b, and whether b was missing
    assert matrix[:, 2].tolist() == [1, 0, 0]
    assert matrix[0, 1] == 0


def test_what_is_missing_only_later_is_imputed_without_a_new_column():
    late = PREPARED.apply(np.array([[np.nan, 6.0]]))
    assert late.tolist() == [[0, 0, 0]]


def test_wild_values_stay_finite():
    matrix = PREPARED.apply(np.array([[1e300, -1e300]]))
    assert np.abs(matrix).max() == LARGEST_SCALED


def test_a_constant_feature_keeps_its_unit():
    constant = Preparation.learn(("a",), np.zeros((50, 1)))
    assert constant.apply(np.array([[3.0]])).tolist() == [[3.0]]


def test_nothing_at_all_is_refused():
    with pytest.raises(MatrixError, match="a, b"):
        Preparation.learn(("a", "b"), np.full((4, 2), np.nan))


def test_values_come_from_columns_of_any_number_type():
    table = pa.table({"whole": pa.array([1, None]), "real": [0.5, 1.5]})
    values = feature_values(table, ("real", "whole"))
    np.testing.assert_array_equal(values, [[0.5, 1], [1.5, np.nan]])
    assert feature_values(table.slice(0, 0), ("real", "whole")).shape == (0, 2)
