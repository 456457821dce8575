"""Which ensemble has the say: what it finds decides, and one worse than its best member never does."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pytest

from include.evaluation.episodes import STRENGTHS
from include.evaluation.rounds import InjectedSample
from include.models.detectors import ENSEMBLES
from include.training.choice import EVIDENCE_SCHEMA, choose, fallback, name_of
from include.training.recipe import Recipe

ROWS, PLANTED = 1000, 16
# Four planted postings of each strength at the front, of two kinds in turn.
PLACES = np.arange(PLANTED)


def round_of(rows: int = ROWS) -> InjectedSample:
    kinds, strengths = np.full(rows, None, dtype=object), np.full(rows, None, dtype=object)
    kinds[PLACES] = ["amount", "burst"] * (PLANTED // 2)
    strengths[PLACES] = np.repeat(STRENGTHS, PLANTED // len(STRENGTHS))
    return InjectedSample(pa.table({"account_id": np.arange(rows)}), kinds, strengths)


@dataclass
class Known:
    """Detectors whose rarities are given instead of computed."""

    known: dict[str, np.ndarray]
    detectors: dict[str, object] = field(init=False)

    def __post_init__(self):
        self.detectors = dict.fromkeys(self.known)

    def read(self, features):
        return features

    def rarities(self, values):
        return self.known


def finds(*places: int, rarity: float = 5.0, noise: float = 1.0) -> np.ndarray:
    """A detector to which these postings are rare and all others some noise."""
    scores = np.random.default_rng(3).uniform(0, noise, ROWS)
    scores[list(places)] = rarity
    return scores


def chosen(known: dict[str, np.ndarray], *ensembles: dict[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    choice = choose(Known(known), [round_of()], Recipe(tuple(known), ensembles), 0.02)
    assert choice.evidence.schema == EVIDENCE_SCHEMA
    return dict(choice.weights), choice.merit


def test_an_ensemble_worse_than_its_best_member_is_never_chosen():
    sharp, blind = finds(*PLACES), np.random.default_rng(5).permutation(np.linspace(0, 40, ROWS))
    weights, merit = chosen({"sharp": sharp, "blind": blind}, {"sharp": 1, "blind": 1})
    assert merit["sharp+blind"] < merit["sharp"]
    assert weights == {"sharp": 1}


def test_an_ensemble_that_finds_more_than_its_members_is():
    odd, even = finds(*PLACES[::2]), finds(*PLACES[1::2])
    weights, merit = chosen({"odd": odd, "even": even}, {"odd": 1, "even": 1})
    assert weights == {"odd": 1, "even": 1}
    assert merit["odd+even"] > max(merit["odd"], merit["even"])


def test_of_two_that_find_the_same_the_smaller_one_is_chosen():
    weights, merit = chosen({"a": finds(*PLACES), "b": finds(*PLACES)}, {"a": 1, "b": 1})
    assert merit["a"] == merit["a+b"]
    assert len(weights) == 1


def test_one_that_is_blind_to_a_kind_pays_for_it():
    """Both find eight of sixteen; one of them all of one kind and none of the other."""
    everywhere = finds(*[place for place in PLACES if place // 2 % 2 == 0])
    one_kind = finds(*PLACES[::2])
    _, merit = chosen({"everywhere": everywhere, "one_kind": one_kind})
    assert merit["everywhere"] == pytest.approx(merit["one_kind"], abs=0.15)
    assert merit["everywhere"] > 0.4


def test_ensembles_with_a_member_that_was_not_fitted_are_passed_over():
    choice = choose(Known({"a": finds(*PLACES)}), [round_of()], Recipe(("a", "b"), ({"a": 1, "b": 1},)), 0.02)
    assert list(choice.merit) == ["a"]


def test_evidence_is_of_every_round_strength_and_kind():
    choice = choose(Known({"a": finds(*PLACES)}), [round_of(), round_of()], Recipe(("a",), ()), 0.02)
    rows = choice.evidence.to_pylist()
    assert {(row["round"], row["strength"], row["kind"]) for row in rows} == {
        (number, strength, kind) for number in (0, 1) for strength in STRENGTHS for kind in ("", "amount", "burst")
    }
    assert all(row["recall"] == row["average_precision"] == 1 for row in rows)
    assert choice.merit == {"a": 1}


def test_without_evidence_the_recipes_own_detector_has_the_say():
    both = Known({"a": finds(), "rarity": finds()})
    assert dict(fallback(both, Recipe()).weights) == {"rarity": 1}
    assert dict(fallback(Known({"a": finds()}), Recipe()).weights) == {"a": 1}


def test_an_ensembles_name_says_who_has_which_say():
    assert name_of({"contrast": 2, "rarity": 1, "lstm": 0.5}) == "contrast*2+rarity+lstm*0.5"


# ---------------------------------------------------------------- recipes


def test_quick_has_the_same_detectors_in_small():
    full, quick = Recipe.of("full"), Recipe.of("quick")
    assert full == Recipe()
    assert quick.detectors == full.detectors
    assert quick.rounds < full.rounds
    assert set(quick.settings) <= set(quick.detectors)
    assert all(weights in full.ensembles for weights in quick.ensembles)


def test_candidates_are_everyone_alone_and_the_ensembles_of_those_there_are():
    assert len(Recipe().candidates()) == len(Recipe().detectors) + len(ENSEMBLES)
    few = Recipe(detectors=("contrast", "rarity"))
    assert few.candidates() == [{"contrast": 1}, {"rarity": 1}, *ENSEMBLES[:2]]


def test_the_missions_three_are_tried_as_a_plain_mean():
    assert {"isolation_forest": 1, "local_outlier_factor": 1, "lstm": 1} in [dict(e) for e in ENSEMBLES]
