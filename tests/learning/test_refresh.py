"""A refresh ranks anew within its bound, keeps the level, and forgets nothing that a person approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from include.learning.profile import night_profile
from include.learning.refresh import refreshed
from include.models.calibration import Calibration
from include.models.model import BLEND, MEMBER, MOST_MOVED
from include.training.split import REFRESH_NIGHTS_SEEN
from tests.learning.conftest import FIRST
from tests.registry.conftest import RAW_ROWS

NONE = RAW_ROWS[:0]
a_poison = arrays(np.float64, (40, RAW_ROWS.shape[1]), elements=st.floats(0, 1e6, width=32))


@settings(max_examples=15, deadline=None)
@given(a_poison, st.integers(1, 40))
def test_nothing_that_is_taught_moves_any_row_beyond_the_bound(model, baseline, poison, times):
    taught = refreshed(model, baseline, np.repeat(poison, times, axis=0), FIRST)
    rows = np.vstack([RAW_ROWS, baseline.planted, poison])
    moves = taught.rarities(rows) - model.rarities(rows)
    assert np.abs(moves).max() <= MOST_MOVED + 1e-12


def test_the_bank_as_a_whole_is_neither_louder_nor_quieter(model, baseline):
    more = RAW_ROWS.copy()
    more[:, 0] *= 1.5
    usual = more[model.score(more) < model.threshold]
    taught = refreshed(model, baseline, usual, FIRST)
    both = np.vstack([usual, RAW_ROWS[model.score(RAW_ROWS) < model.threshold]])
    assert taught.rarities(both).mean() == pytest.approx(model.rarities(both).mean(), abs=0.05)


def test_what_came_to_be_usual_ranks_lower(model, baseline):
    """For a year everybody's gaps are long: beside a large amount a long gap is less remarkable than it was."""
    longer = np.tile(RAW_ROWS, (3, 1))
    longer[:, 2] += 2.0
    late = replace(baseline, nights=baseline.nights - 2 * REFRESH_NIGHTS_SEEN)
    taught = refreshed(model, late, longer, FIRST)
    beside = longer.copy()
    beside[:, 0] += 2.0
    now, then = ((of.rarities(beside) - of.rarities(longer)).mean() for of in (taught, model))
    assert now > then + 0.1


def test_rows_of_the_training_leave_the_year_but_its_unusual_ones_stay(model, baseline):
    long_ago = replace(baseline, nights=np.full(len(baseline.ordinary), np.datetime64("1992-01-01")))
    unusual = int((model.score(baseline.ordinary) >= model.threshold).sum())
    assert unusual
    assert refreshed(model, baseline, RAW_ROWS, FIRST).refresh.training.rows == 2 * len(RAW_ROWS)
    assert refreshed(model, long_ago, RAW_ROWS, FIRST).refresh.training.rows == len(RAW_ROWS) + unusual


def test_threshold_weights_and_reader_stay(model, baseline):
    taught = refreshed(model, baseline, RAW_ROWS, FIRST)
    assert [m.detector for m in taught.members] == [m.detector for m in model.members]
    assert (taught.weights, taught.threshold, taught.sequence) == (model.weights, model.threshold, model.sequence)
    assert (taught.adapted_from, taught.base_version) == (model.version, model.version)
    assert taught.training.last_night == FIRST
    assert taught.version != model.version
    np.testing.assert_array_equal(taught.trained().rarities(RAW_ROWS), model.rarities(RAW_ROWS))


def test_the_same_baseline_gives_the_same_version_and_another_night_another(model, baseline):
    first = refreshed(model, baseline, RAW_ROWS, FIRST)
    assert refreshed(first, baseline, RAW_ROWS, FIRST).version == first.version
    assert refreshed(model, baseline, RAW_ROWS, FIRST + timedelta(days=1)).version != first.version
    assert refreshed(model, baseline, RAW_ROWS[1:], FIRST).version != first.version


def test_a_feature_the_last_year_lacks_is_done_without(model, baseline):
    gone = replace(baseline, nights=np.full(len(baseline.ordinary), np.datetime64("1992-01-01")))
    rows = RAW_ROWS.copy()
    rows[:, 0] = np.nan
    assert np.isfinite(refreshed(model, gone, rows, FIRST).rarities(RAW_ROWS)).all()


def test_without_a_night_that_taught_the_training_speaks_alone(model, baseline):
    assert np.isfinite(refreshed(model, baseline, NONE, date(1994, 1, 2)).rarities(RAW_ROWS)).all()


@given(
    arrays(np.float64, 200, elements=st.floats(-50, 50, width=32)),
    arrays(np.float64, 200, elements=st.floats(0, 6, width=32)),
)
def test_matching_keeps_order_and_gives_the_other_distribution(raw, wanted):
    found = Calibration.matching(raw, wanted).exponents_of(raw)
    order = np.argsort(raw, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    assert found.max() <= wanted.max() + 1e-6
    assert found.min() >= wanted.min() - 1e-6


def test_matching_of_distinct_scores_is_exact():
    raw, wanted = np.arange(400.0), np.linspace(0, 3, 400) ** 2
    shuffled = np.random.default_rng(1).permutation(400)
    np.testing.assert_allclose(Calibration.matching(raw, wanted[shuffled]).exponents_of(raw), wanted, atol=0.02)


def test_every_row_is_in_one_bin_of_every_calibration(model):
    profile = night_profile(model, RAW_ROWS)
    counts = profile.group_by("feature").aggregate([("rows", "sum")])
    members = {MEMBER + member.name for member in model.members}
    assert set(counts["feature"].to_pylist()) == {*model.preparation.features, *members, BLEND}
    assert set(counts["rows_sum"].to_pylist()) == {len(RAW_ROWS)}
    missing = profile.filter(pa.compute.equal(profile["bin"], -1))
    assert missing["feature"].to_pylist() == ["day_count"]
    assert missing["rows"].to_pylist() == [int(np.isnan(RAW_ROWS[:, 1]).sum())]


def test_a_refreshed_model_is_profiled_on_the_trained_scale(model, baseline):
    taught = refreshed(model, baseline, RAW_ROWS * 1.5, FIRST)
    assert taught.score(RAW_ROWS).tolist() != model.score(RAW_ROWS).tolist()
    assert night_profile(taught, RAW_ROWS).equals(night_profile(model, RAW_ROWS))


@pytest.mark.parametrize("is_refreshed", [False, True])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1_000))
def test_rows_mixed_of_prepared_ones_score_as_rows_that_are_prepared_anew(model, baseline, is_refreshed, seed):
    """To the last bit: reasons are differences of such scores."""
    scorer = refreshed(model, baseline, RAW_ROWS * 1.5, FIRST) if is_refreshed else model
    random = np.random.default_rng(seed)
    places = random.integers(len(RAW_ROWS), size=50)
    takes_own = random.random((50, RAW_ROWS.shape[1])) < 0.5
    typical = scorer.typical_of(RAW_ROWS)
    mixed = scorer.rows(RAW_ROWS).mixed(scorer.rows(typical), places, takes_own)
    anew = np.where(takes_own, RAW_ROWS[places], typical[places])
    assert scorer.rarities_of(mixed).tobytes() == scorer.rarities(anew).tobytes()
