"""Who wins: the simplest that nothing speaks against, never an ensemble worse than its best member."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scoring.recipe import ENSEMBLES, Recipe
from include.selection.candidates import SURPRISES, candidates_of
from include.selection.comparison import AS_IT_IS, Comparison
from include.selection.lineups import Lineup, lineup_of, lineups_of, name_among
from include.selection.paired import interval
from include.selection.plan import Limits, Plan
from include.selection.verdict import judge
from tests.registry.conftest import small_model

CANDIDATES = candidates_of("full")  # before anything is made smaller for tests
LINEUPS = lineups_of(CANDIDATES, Recipe(ensembles=ENSEMBLES), None)
merits_of_six = st.lists(st.floats(0, 1), min_size=6, max_size=6).map(np.array)


def compared(champion: str = "", **merits: list[float]) -> Comparison:
    """A comparison of `a`, `b` and their ensemble, as far as merits are given."""
    known = {"a": Lineup({"a": 1}), "b": Lineup({"b": 1}), "both": Lineup({"a": 1, "b": 1})}
    arrays = {name: np.array(values) for name, values in merits.items()}
    lineups = {name: known[name] for name in arrays if name in known}
    as_it_is = {AS_IT_IS: arrays.pop("old")} if "old" in arrays else {}
    return Comparison(lineups, [], {**arrays, **as_it_is}, {**arrays, **as_it_is}, 0.1, champion)


def plan(champion: str | None) -> Plan:
    return Plan("s", date(2024, 1, 1), 1, 0.02, 92, "full", (), {}, champion, "", Limits(), "")


@given(st.data())
def test_no_ensemble_wins_that_is_worse_than_a_member(data):
    merits = {name: data.draw(merits_of_six) for name in LINEUPS}
    winner = Comparison(LINEUPS, [], merits, merits, 0.1, "").winner
    assert all(merits[winner.name].mean() >= merits[member].mean() for member in winner.weights)


def test_the_simpler_one_wins_within_noise_and_only_there():
    noisy = compared(a=[0.5, 0.7, 0.6], b=[0.1, 0.1, 0.1], both=[0.7, 0.5, 0.61])
    assert noisy.winner.name == "a"
    clear = compared(a=[0.5, 0.7, 0.6], b=[0.1, 0.1, 0.1], both=[0.55, 0.74, 0.66])
    assert clear.winner.weights == {"a": 1, "b": 1}


def test_better_beyond_noise_only_when_the_whole_interval_is_above():
    clearly = judge(plan("old"), compared("b", a=[0.7, 0.8, 0.75], b=[0.5, 0.6, 0.55]))
    assert clearly.is_better
    assert "a is better than old's recipe b beyond noise" in clearly.sentence
    hardly = judge(plan("old"), compared("b", a=[0.7, 0.8, 0.75], b=[0.5, 0.9, 0.55]))
    assert not hardly.is_better
    assert hardly.difference.mean > 0 > hardly.difference.low
    assert "the champion stays" in hardly.sentence


def test_what_wins_is_held_against_the_champion_as_it_is_where_that_was_measured():
    found = compared("a", a=[0.7, 0.8, 0.75], old=[0.5, 0.6, 0.55])
    assert found.baseline == AS_IT_IS
    assert judge(plan("old"), found).is_better
    partly = compared("a", a=[0.7, 0.8, 0.75], old=[0.5, float("nan"), 0.55])
    assert partly.baseline == "a"
    assert partly.merit(AS_IT_IS).mean == pytest.approx(0.525)


def test_a_champion_that_could_not_be_fitted_again_stays():
    verdict = judge(plan("old"), compared("", a=[0.7, 0.8, 0.75]))
    assert not verdict.is_better
    assert "old could not be fitted again" in verdict.sentence


def test_more_comparisons_and_shared_training_widen_intervals():
    values = np.array([0.1, 0.2, 0.15, 0.3])
    plain = interval(values, 0.0)
    assert plain.mean == pytest.approx(0.1875)
    assert plain.low < plain.mean < plain.high
    assert interval(values, 0.1).low < plain.low
    assert interval(values, 0.0, comparisons=20).low < plain.low
    assert interval(np.full(3, 0.5), 0.2).low == 0.5


def test_in_ensembles_a_detector_may_have_other_settings_but_not_other_features():
    assert {"contrast_short": 1, "lstm": 1} in [lineup.weights for lineup in LINEUPS.values()]
    together = [lineup for lineup in LINEUPS.values() if len(lineup.weights) > 1]
    assert not any("contrast_without_surprises" in lineup.weights for lineup in together)


def test_a_lineup_says_how_its_model_is_trained():
    candidates, base = CANDIDATES, Recipe()
    recipe, weights = Lineup({"contrast_short": 2, "rarity": 1}).recipe(candidates, base)
    assert weights == {"contrast": 2, "rarity": 1}
    assert recipe.settings["contrast"] == {"trees": 150, "learning_rate": 0.1}
    blind, _ = Lineup({"contrast_without_surprises": 1}).recipe(candidates, base)
    assert "lstm" not in blind.detectors
    assert blind.without == SURPRISES


def test_the_champions_recipe_is_found_among_the_lineups():
    champion = lineup_of(small_model(1), CANDIDATES, Recipe())
    assert champion.weights == {"isolation_forest": 1, "contrast": 2, "lstm": 1}
    lineups = lineups_of(CANDIDATES, Recipe(), champion)
    assert lineups[name_among(lineups, champion)].weights == champion.weights
    without = {name: c for name, c in CANDIDATES.items() if name != "lstm"}
    assert name_among(lineups_of(without, Recipe(), champion), champion) == ""
    reordered = Lineup({"rarity": 1, "contrast": 1})
    assert name_among(lineups_of(CANDIDATES, Recipe(), reordered), reordered) == "contrast+rarity"
