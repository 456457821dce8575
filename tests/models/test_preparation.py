"""The matrix a detector sees: every sign as its rarity, what was missing, and what is no sign last."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.models.base import MatrixError
from include.models.model import feature_values
from include.models.preparation import LARGEST_RARITY, Preparation

CODES = {"a": "amount", "b": "timing", "c": "location", "d": "amount"}
CONTEXT = ("days",)
# A thousand rows: `a` rises evenly, `b` lacks every fourth, `c` was never there, `d` is nearly always 0; then context.
STEPS = np.arange(1000.0)
RAW = np.column_stack([STEPS, STEPS, np.full(1000, np.nan), STEPS >= 990, STEPS % 90])
RAW[::4, 1] = np.nan
PREPARED = Preparation.learn(CODES, CONTEXT, RAW)


def matrix(*rows: list[float]) -> np.ndarray:
    return PREPARED.apply(np.array(rows))


def test_a_feature_never_present_is_not_used():
    assert PREPARED.features == ("a", "b", "d")
    assert PREPARED.columns == ("a", "b", "d", "days")


def test_a_value_becomes_how_rare_it_was():
    tenth, hundredth = matrix([900, 0, 0, 0], [990, 0, 0, 0])[:, 0]
    assert (tenth, hundredth) == (pytest.approx(1, abs=0.01), pytest.approx(2, abs=0.03))
    assert matrix([0, 0, 1, 0])[0, 2] == pytest.approx(2)  # one row in a hundred says so


def test_rarity_is_cut_where_nothing_is_any_more_unusual():
    wild = matrix([1e300, -1e300, 1e300, 1e300])
    assert np.isfinite(wild).all()
    assert wild[0, 0] == wild[0, 2] == LARGEST_RARITY
    assert wild[0, 1] == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_a_larger_sign_is_never_less_rare(values):
    rising = matrix(*[[value, 0, 0, 0] for value in sorted(values)])[:, 0]
    assert (np.diff(rising) >= 0).all()


def test_missing_values_take_the_median_and_are_indicated():
    assert PREPARED.indicated.tolist() == [False, True, False]
    known, missing = matrix([0, PREPARED.medians[1], 0, 0], [0, np.nan, 0, 0])
    assert (known[1], known[3]) == (missing[1], 0)
    assert missing[3] == 1


def test_what_is_missing_only_later_is_imputed_without_a_new_column():
    assert matrix([np.nan, 0, 0, 0]).shape == matrix([0, 0, 0, 0]).shape
    assert matrix([np.nan, 0, 0, 0])[0, 0] == matrix([PREPARED.medians[0], 0, 0, 0])[0, 0]


def test_context_comes_last_as_it_is():
    assert matrix([0, 0, 0, 80])[0, -1] == pytest.approx(np.log1p(80))
    assert matrix([0, 0, 0, np.nan])[0, -1] == pytest.approx(np.log1p(PREPARED.context_medians[0]))
    assert matrix([0, 0, 0, -5])[0, -1] == 0
    assert PREPARED.free_columns == 2  # one indicator, one context


def test_codes_see_their_strongest_sign_and_no_context():
    prepared = matrix([900, 990, 1, 80])
    seen = PREPARED.view(prepared, "codes")
    assert seen.tolist() == [[prepared[0, [0, 2]].max(), prepared[0, 1]]]  # amount, timing
    assert PREPARED.view(prepared, "columns") is prepared


def test_the_typical_row_is_the_middle_of_everything():
    assert PREPARED.typical.tolist() == [*PREPARED.medians, *PREPARED.context_medians]
    assert PREPARED.typical[0] == 499.5


def test_it_comes_back_from_its_arrays():
    codes = dict(zip(PREPARED.features, PREPARED.codes, strict=True))
    again = Preparation.restore(codes, CONTEXT, PREPARED.arrays())
    assert again.apply(RAW[:, [0, 1, 3, 4]]).tobytes() == PREPARED.apply(RAW[:, [0, 1, 3, 4]]).tobytes()
    assert (again.columns, again.codes) == (PREPARED.columns, PREPARED.codes)


def test_nothing_at_all_is_refused():
    with pytest.raises(MatrixError, match="a, b"):
        Preparation.learn({"a": "amount", "b": "timing"}, (), np.full((4, 2), np.nan))


def test_values_come_from_columns_of_any_number_type():
    table = pa.table({"whole": pa.array([1, None]), "real": [0.5, 1.5]})
    values = feature_values(table, ("real", "whole"))
    np.testing.assert_array_equal(values, [[0.5, 1], [1.5, np.nan]])
    assert feature_values(table.slice(0, 0), ("real", "whole")).shape == (0, 2)
