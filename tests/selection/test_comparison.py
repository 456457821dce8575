"""Who wins: the simplest that nothing speaks against, never an ensemble worse than its best member."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.features.catalog import SURPRISES
from include.models.detectors import ENSEMBLES
from include.selection.candidates import EnsembleSpec, candidates_of, ensemble_spec_of, ensemble_specs_of, name_among
from include.selection.comparison import AS_IT_IS, Comparison, judge
from include.selection.evidence import Pack
from include.selection.fold_data import Cost
from include.selection.intervals import interval
from include.selection.plan import Limits, SelectionPlan
from include.training.recipe import Recipe
from tests.registry.conftest import small_model

CANDIDATES = candidates_of("full")  # before anything is made smaller for tests
SPECS = ensemble_specs_of(CANDIDATES, Recipe(ensembles=ENSEMBLES), None)
TWO_OF_THREE = np.repeat([1, 2], 3)
"""Two months of three rounds each, as by default."""
merits_of_six = st.lists(st.floats(0, 1), min_size=6, max_size=6).map(np.array)


def compared(champion: str = "", **merits: list[float]) -> Comparison:
    """A comparison of `a`, `b` and their ensemble, as far as merits are given."""
    known = {"a": EnsembleSpec({"a": 1}), "b": EnsembleSpec({"b": 1}), "both": EnsembleSpec({"a": 1, "b": 1})}
    arrays = {name: np.array(values) for name, values in merits.items()}
    specs = {name: known[name] for name in arrays if name in known}
    as_it_is = {AS_IT_IS: arrays.pop("old")} if "old" in arrays else {}
    months = np.arange(len(next(iter(arrays.values()))))
    return Comparison(specs, [], {**arrays, **as_it_is}, {**arrays, **as_it_is}, months, 0.1, champion)


def plan(champion: str | None) -> SelectionPlan:
    return SelectionPlan("s", date(2024, 1, 1), 1, 0.02, 92, "full", (), {}, champion, "", Limits(), "")


@given(st.data())
def test_no_ensemble_wins_that_is_worse_than_a_member(data):
    merits = {name: data.draw(merits_of_six) for name in SPECS}
    winner = Comparison(SPECS, [], merits, merits, TWO_OF_THREE, 0.1, "").winner
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
    assert partly.difference(AS_IT_IS, "a").mean == pytest.approx(-0.2)
    assert partly.known_merit(AS_IT_IS) is None


def test_a_champion_that_could_not_be_fitted_again_stays():
    verdict = judge(plan("old"), compared("", a=[0.7, 0.8, 0.75]))
    assert not verdict.is_better
    assert "old could not be fitted again" in verdict.sentence


def test_more_comparisons_and_shared_training_widen_intervals():
    values, months = np.array([0.1, 0.2, 0.15, 0.3]), np.arange(4)
    plain = interval(values, months, 0.0)
    assert plain.mean == pytest.approx(0.1875)
    assert plain.low < plain.mean < plain.high
    assert interval(values, months, 0.1).low < plain.low
    assert interval(values, months, 0.0, comparisons=20).low < plain.low
    assert interval(np.full(3, 0.5), np.arange(3), 0.2).low == 0.5


def test_rounds_that_agree_within_months_that_differ_say_no_more_than_the_months():
    values = np.array([0.10, 0.11, 0.12, 0.20, 0.21, 0.22])
    found, shuffled = interval(values, TWO_OF_THREE, 0.1), interval(values, np.array([1, 2, 1, 2, 1, 2]), 0.1)
    assert found.error == pytest.approx(0.05)
    assert shuffled.error < 0.7 * found.error
    assert interval(values, np.ones(6), 0.1).low < shuffled.low


def false_wins(months_differ: float, comparisons: int = 1) -> float:
    """Share of intervals above zero where there is nothing, months differing so many times as much as their rounds."""
    rng, times = np.random.default_rng(1), 2000
    months = np.repeat(rng.normal(0, months_differ, (times, 2)), 3, axis=1)
    found = months + rng.normal(0, 1, (times, 6))
    return float(np.mean([interval(values, TWO_OF_THREE, 0.1, comparisons).low > 0 for values in found]))


def test_nothing_is_found_better_about_as_seldom_as_is_claimed_where_months_differ_as_much_as_rounds():
    """Of 2.5 % claimed; the rounds' error with the rounds' degrees of freedom gives 1.2, 5.6 and 11 %."""
    assert false_wins(0) <= 0.01
    assert false_wins(1) == pytest.approx(0.026, abs=0.008)
    assert false_wins(2) == pytest.approx(0.059, abs=0.012)


def false_verdicts(months_differ: float) -> float:
    """The same of verdicts: 25 ensembles, equally good, of which one is champion and the best is held against it."""
    rng, names = np.random.default_rng(1), [f"c{n}" for n in range(25)]
    specs, times = {name: EnsembleSpec({name: 1}) for name in names}, 300
    drawn = np.repeat(rng.normal(0, months_differ, (times, 25, 2)), 3, axis=2) + rng.normal(0, 1, (times, 25, 6))
    wins = 0
    for found in 0.5 + drawn / 100:
        merits = dict(zip(names, found, strict=True))
        wins += judge(plan("old"), Comparison(specs, [], merits, merits, TWO_OF_THREE, 0.1, "c0")).is_better
    return wins / times


def test_no_more_verdicts_are_false_than_claimed_though_the_best_of_many_is_judged():
    assert max(false_verdicts(0), false_verdicts(1)) <= 0.01
    assert false_verdicts(2) <= 0.025


def test_two_months_suffice_for_a_clear_winner():
    clear = {"a": [0.80, 0.81, 0.80, 0.82, 0.83, 0.82], "b": [0.70, 0.71, 0.71, 0.71, 0.72, 0.73]}
    arrays = {name: np.array(values) for name, values in clear.items()}
    specs = {name: EnsembleSpec({name: 1}) for name in clear}
    found = Comparison(specs, [], arrays, arrays, TWO_OF_THREE, 0.1, "b")
    assert found.difference("a", "b", comparisons=24).low > 0


def pack(comparison: Comparison) -> Pack:
    costs = {name: Cost(1.0, 0.5, 99.0) for name in ("a", "b")}
    return Pack(plan("old"), comparison, judge(plan("old"), comparison), costs, "new", "it was trained")


def test_the_champion_as_it_is_shows_no_merit_on_a_scale_of_its_own():
    merits = {"a": [0.88, 0.89, 0.90], "b": [0.60, 0.61, 0.62]}
    known = {"a": [0.94, 0.95, 0.96], "b": [0.70, 0.71, 0.72], AS_IT_IS: [0.92, 0.93, 0.94]}
    scales = [{name: np.array(values) for name, values in scale.items()} for scale in (merits, known)]
    specs = {name: EnsembleSpec({name: 1}) for name in merits}
    found = pack(Comparison(specs, [], *scales, np.arange(3), 0.1, "b"))
    assert "by 0.020 (0.020 to 0.020) in merit of known kinds" in found.verdict.sentence
    body = found.body("here")
    assert "ensemble | merit | of known kinds alone | to the champion as it is (known kinds)" in body
    rows = [line.split(" | ") for line in body.splitlines() if line.startswith("| ")][2:5]
    assert [row[0] for row in rows] == ["| **a**", f"| {AS_IT_IS} (champion)", "| b"]
    assert [row[1][:5] for row in rows] == ["0.890", "-", "0.610"]
    assert [row[2][:5] for row in rows] == ["0.950", "0.930", "0.710"]
    assert found.ranked == ["a", "b"]


def test_a_champion_that_saw_some_of_the_months_shows_its_difference_alone():
    partly = compared("b", a=[0.7, 0.8, 0.75], b=[0.4, 0.5, 0.45], old=[0.5, float("nan"), 0.55])
    (row,) = [line for line in pack(partly).body("here").splitlines() if AS_IT_IS in line]
    assert row.startswith(f"| {AS_IT_IS} | - | - | 0.100 (")


def test_without_a_champion_as_it_is_there_is_one_merit():
    assert "known kinds" not in pack(compared("b", a=[0.7, 0.8, 0.75], b=[0.5, 0.6, 0.55])).body("here")


def test_in_ensembles_a_detector_may_have_other_settings_but_not_other_features():
    assert {"contrast_short": 1, "lstm": 1} in [spec.weights for spec in SPECS.values()]
    together = [spec for spec in SPECS.values() if len(spec.weights) > 1]
    assert not any("contrast_without_surprises" in spec.weights for spec in together)


def test_an_ensemble_says_how_its_model_is_trained():
    candidates, base = CANDIDATES, Recipe()
    recipe, weights = EnsembleSpec({"contrast_short": 2, "rarity": 1}).recipe(candidates, base)
    assert weights == {"contrast": 2, "rarity": 1}
    assert recipe.settings["contrast"] == {"trees": 150, "learning_rate": 0.1}
    holdouts, _ = EnsembleSpec({"contrast_without_surprises": 1}).recipe(candidates, base)
    assert "lstm" not in holdouts.detectors
    assert holdouts.without == set(SURPRISES)


def test_the_champions_recipe_is_found_among_the_ensembles():
    champion = ensemble_spec_of(small_model(1), CANDIDATES, Recipe())
    assert champion.weights == {"isolation_forest": 1, "contrast": 2, "lstm": 1}
    specs = ensemble_specs_of(CANDIDATES, Recipe(), champion)
    assert specs[name_among(specs, champion)].weights == champion.weights
    without = {name: c for name, c in CANDIDATES.items() if name != "lstm"}
    assert name_among(ensemble_specs_of(without, Recipe(), champion), champion) == ""
    reordered = EnsembleSpec({"rarity": 1, "contrast": 1})
    assert name_among(ensemble_specs_of(CANDIDATES, Recipe(), reordered), reordered) == "contrast+rarity"
