"""Published scores: monotone, 0..1, comparable, and the extremes still rank."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import SettingsError
from include.models.calibration import KNOTS, Calibration, published, rarity_of
from include.models.threshold import BUDGET_DAYS, MOST_RISE, AlertBudget, budget_month, choose_threshold, flag

TRAINING = np.random.default_rng(5).normal(0.4, 0.05, size=20_000)
CALIBRATION = Calibration.learn(TRAINING)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=50))
def test_monotone_and_within_bounds(raw):
    scores = CALIBRATION.apply(np.sort(np.array(raw)))
    assert (np.diff(scores) >= 0).all()
    assert ((scores >= 0) & (scores < 1)).all()


def test_the_extremes_still_rank():
    beyond = TRAINING.max() + np.array([0, 0.001, 0.1, 1, 10, 1000])
    assert (np.diff(CALIBRATION.apply(beyond)) > 0).all()


@pytest.mark.parametrize(("tail", "published"), [(0.01, 0.5), (0.001, 0.6)])
def test_a_score_says_how_rare(tail, published):
    raw = np.quantile(TRAINING, 1 - tail)
    assert CALIBRATION.apply(np.array([raw]))[0] == pytest.approx(published, abs=0.005)


def test_training_rows_keep_their_order():
    scores = CALIBRATION.apply(TRAINING)
    assert (np.argsort(scores, kind="stable") == np.argsort(TRAINING, kind="stable")).all()
    assert len(CALIBRATION.raw) <= KNOTS


@pytest.mark.parametrize("scores", [[0.5], [0.5, 0.5], [0.1, 0.5]])
def test_hardly_any_training_rows(scores):
    applied = Calibration.learn(np.array(scores)).apply(np.array([0.0, 0.5, 1.0, 2.0]))
    assert (np.diff(applied) >= 0).all()
    assert np.isfinite(applied).all()
    assert applied[-1] > applied[1]


def test_a_tail_drawn_on_from_the_body_does_not_learn_from_the_frauds_in_it():
    body = np.random.default_rng(3).exponential(1.0, 20_000)
    frauds = np.full(100, 20.0)
    clean = Calibration.learn(body, from_body=True).exponents_of(frauds)
    seen = Calibration.learn(np.concatenate([body, frauds])).exponents_of(frauds)
    drawn = Calibration.learn(np.concatenate([body, frauds]), from_body=True).exponents_of(frauds)
    assert clean[0] == pytest.approx(20 / np.log(10), rel=0.05)
    assert drawn[0] > 0.7 * clean[0] > 2 * seen[0]


def test_what_hardly_anybody_has_keeps_the_tail_that_was_seen():
    sparse = np.concatenate([np.zeros(20_000), np.random.default_rng(3).exponential(1.0, 300)])
    plain, drawn = Calibration.learn(sparse), Calibration.learn(sparse, from_body=True)
    assert drawn.exponents.tolist() == plain.exponents.tolist()


def test_the_threshold_flags_the_budget():
    scores = CALIBRATION.apply(TRAINING)
    assert flag(scores, choose_threshold(scores, 0.02)).mean() == pytest.approx(0.02, abs=0.0005)


@pytest.mark.parametrize(("counts", "share"), [((50, 48, 2), 0.02), ((50, 49, 1), 0.01), ((50, 0, 50), 0)])
def test_ties_stay_within_the_budget(counts, share):
    scores = np.repeat([0.1, 0.2, 0.9], counts)
    assert flag(scores, choose_threshold(scores, 0.02)).mean() == share


@pytest.mark.parametrize("budget", [0, 1, -0.1, 2])
def test_a_budget_is_a_share(budget):
    with pytest.raises(SettingsError, match="budget"):
        choose_threshold(TRAINING, budget)


def test_a_threshold_needs_scores():
    with pytest.raises(SettingsError, match="history"):
        choose_threshold(np.empty(0), 0.02)


# ---------------------------------------------------------------- the budget, night by night

NIGHTS = np.repeat(np.arange("2024-01-01", "2024-04-01", dtype="datetime64[D]"), 100)
NONE = (np.empty(0, dtype="datetime64[D]"), np.empty(0))
BUDGET = AlertBudget(0.5, 0.02, 100 * BUDGET_DAYS)


def _month(share: float, seed: int = 1) -> np.ndarray:
    """Scores of every night, the share of them evenly between 0.5 and 0.53, the others below."""
    random = np.random.default_rng(seed)
    return np.where(random.random(len(NIGHTS)) < share, random.uniform(0.5, 0.53, len(NIGHTS)), 0.2)


def test_published_scores_and_rarities_are_each_others_way_back():
    rarities = np.array([0.0, 0.3, 2.0, 11.0])
    np.testing.assert_allclose(rarity_of(published(rarities)), rarities)


def test_a_quiet_month_keeps_the_trained_threshold():
    limits = BUDGET.nightly(NIGHTS, _month(0.01), *NONE)
    assert (limits == 0.5).all()


def test_a_busy_month_flags_no_more_than_the_budget():
    scores = _month(0.05)
    limits = BUDGET.nightly(NIGHTS, scores, *NONE)
    flagged = flag(scores, limits)
    settled = NIGHTS[0] + BUDGET_DAYS <= NIGHTS
    assert flag(scores, 0.5)[settled].mean() > 0.045
    assert 0.01 < flagged[settled].mean() < 0.025
    assert flagged[~settled].sum() <= 2 * 0.02 * BUDGET.month_rows
    assert (limits >= 0.5).all()


def test_a_night_alone_with_the_month_before_it_has_the_threshold_it_has_among_all():
    scores = _month(0.05)
    limits = BUDGET.nightly(NIGHTS, scores, *NONE)
    last = slice(-100, None)
    before = slice(-100 * BUDGET_DAYS, -100)
    alone = BUDGET.nightly(NIGHTS[last], scores[last], NIGHTS[before], scores[before])
    assert alone.tolist() == limits[last].tolist()


def test_nights_played_one_by_one_have_the_thresholds_they_have_all_at_once():
    """Each looks at its budget's month and forgets what lies before, as the lake's nights and a backtest's do."""
    scores = _month(0.05, seed=7)
    limits = BUDGET.nightly(NIGHTS, scores, *NONE)
    for night in np.unique(NIGHTS):
        is_night, month = night == NIGHTS, (np.datetime64(budget_month(night.item())) <= NIGHTS) & (night > NIGHTS)
        alone = BUDGET.nightly(NIGHTS[is_night], scores[is_night], NIGHTS[month], scores[month])
        assert alone.tolist() == limits[is_night].tolist()


def test_later_nights_move_no_threshold():
    scores = _month(0.05)
    limits = BUDGET.nightly(NIGHTS, scores, *NONE)
    half = 45 * 100
    changed = np.concatenate([scores[:half], np.full(len(scores) - half, 0.9)])
    assert BUDGET.nightly(NIGHTS, changed, *NONE)[:half].tolist() == limits[:half].tolist()


def test_a_flood_raises_the_threshold_only_so_far():
    limits = BUDGET.nightly(NIGHTS, np.full(len(NIGHTS), 0.99), *NONE)
    assert rarity_of(limits).max() == pytest.approx(rarity_of(np.array([0.5]))[0] + MOST_RISE)
