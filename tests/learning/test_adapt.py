"""Calibrations follow what lately was usual, within bounds that no number of nights passes."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from include.learning.adapt import LEAST_SLOPE, MOST_A_NIGHT, MOST_IN_ALL, adapted, bounded
from include.learning.profile import BIN_EDGES, night_profile
from include.learning.teaching import window_rows
from tests.registry.conftest import RAW_ROWS

EDGES = len(BIN_EDGES)
a_target = arrays(np.float64, EDGES, elements=st.floats(-5, 5))


def repeated(profile, times):
    """A profile of as many such nights."""
    return profile.set_column(
        4, "taught", pa.array([taught * times for taught in profile["taught"].to_pylist()], pa.float64())
    )


def shown_often(model, rows):
    """A profile with more rows than a window needs, so that nothing is filled up."""
    profile = night_profile(model, rows, np.ones(len(rows)))
    return repeated(profile, 20 * window_rows(model) / len(rows))


def after(model, profile, reference, nights):
    moved = model
    for number in range(nights):
        moved = adapted(model, moved, profile, reference, date(1994, 1, 2 + number))
    return moved


@settings(max_examples=40)
@given(st.lists(a_target, min_size=1, max_size=40))
def test_no_number_of_nights_passes_the_bounds(targets):
    now = np.zeros(EDGES)
    for wanted in targets:
        following = bounded(wanted, now)
        assert np.abs(following).max() <= MOST_IN_ALL + 1e-9
        assert np.abs(following - now).max() <= MOST_A_NIGHT + 1e-9
        assert (np.diff(BIN_EDGES + following) >= LEAST_SLOPE * np.diff(BIN_EDGES) - 1e-9).all()
        now = following


def test_the_bound_is_reached_and_held():
    now = np.zeros(EDGES)
    for _ in range(400):
        now = bounded(np.full(EDGES, -5.0), now)
    np.testing.assert_allclose(now, -MOST_IN_ALL)


def test_nights_as_the_past_was_move_nothing(model, reference):
    same = after(model, shown_often(model, RAW_ROWS), reference, 5)
    assert max(np.abs(shift).max() for shift in same.shifts().values()) < 1e-9
    np.testing.assert_allclose(same.score(RAW_ROWS), model.score(RAW_ROWS))


def test_what_came_to_be_usual_counts_as_less_rare(model, reference):
    more = RAW_ROWS.copy()
    more[:, 0] *= 1.5
    moved = after(model, shown_often(model, more), reference, 20)
    assert (moved.shifts()["amount_z"][10:40] < -0.1).all()
    assert np.abs(moved.shifts()["gap"]).max() < 1e-9
    assert moved.score(more).mean() < model.score(more).mean()


def test_missing_values_teach_nothing(model, reference):
    gone = RAW_ROWS.copy()
    gone[:, 0] = np.nan
    assert np.abs(after(model, shown_often(model, gone), reference, 3).shifts()["amount_z"]).max() < 1e-9


def test_a_few_nights_move_little(model, reference):
    odd = RAW_ROWS[:10] + 3
    moved = adapted(model, model, night_profile(model, odd, np.ones(10)), reference, date(1994, 1, 2))
    assert max(np.abs(shift).max() for shift in moved.shifts().values()) <= MOST_A_NIGHT + 1e-9


def test_detectors_weights_and_threshold_stay(model, reference):
    moved = after(model, shown_often(model, RAW_ROWS * 1.5), reference, 3)
    assert [m.detector for m in moved.members] == [m.detector for m in model.members]
    assert (moved.weights, moved.threshold, moved.sequence) == (model.weights, model.threshold, model.sequence)
    assert (moved.adapted_from, moved.training.last_night) == (model.version, date(1994, 1, 4))
    assert moved.version != model.version


def test_an_adapted_model_is_profiled_on_the_trained_scale(model, reference):
    moved = after(model, shown_often(model, RAW_ROWS * 1.5), reference, 3)
    assert moved.score(RAW_ROWS).tolist() != model.score(RAW_ROWS).tolist()
    again = night_profile(moved, RAW_ROWS, np.ones(len(RAW_ROWS)))
    signs = pa.array(model.preparation.features)
    of_signs = [table.filter(pa.compute.is_in(table["feature"], signs)) for table in (again, reference)]
    assert of_signs[0].equals(of_signs[1])
    assert set(again["model_base"].to_pylist()) == {model.version}


def test_every_row_is_in_one_bin_of_every_calibration(model, reference):
    counts = reference.group_by("feature").aggregate([("rows", "sum")])
    assert set(counts["feature"].to_pylist()) == set(model.calibrations())
    assert set(counts["rows_sum"].to_pylist()) == {len(RAW_ROWS)}
    missing = reference.filter(pa.compute.equal(reference["bin"], -1))
    assert missing["feature"].to_pylist() == ["day_count"]
    assert missing["rows"].to_pylist() == [int(np.isnan(RAW_ROWS[:, 1]).sum())]


def test_a_model_without_shifts_is_the_trained_one(model):
    np.testing.assert_array_equal(
        model.moved({"score": np.full(EDGES, -0.2)}, date(1994, 1, 2)).trained().score(RAW_ROWS), model.score(RAW_ROWS)
    )
    assert model.trained() is model


@pytest.mark.parametrize("raw", [-1.0, 0.5, 3.0, 1e6])
def test_a_score_anywhere_is_moved_within_the_bound(model, raw):
    shift = bounded(np.full(EDGES, -5.0), np.full(EDGES, -MOST_IN_ALL))
    for calibration in model.calibrations().values():
        before, now = (float(c.exponents_of(np.array([raw]))[0]) for c in (calibration, calibration.moved(shift)))
        assert abs(now - before) <= MOST_IN_ALL + 1e-9
