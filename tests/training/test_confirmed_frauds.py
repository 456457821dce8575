"""Confirmed cases in a training: never usual, taught where there are enough, and another model's name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.evaluation.bank_history import BankHistory
from include.evaluation.episodes import STRENGTHS
from include.models.model import Model
from include.training import Recipe, TrainingSpec, train
from include.training.confirmed_frauds import KIND, LEAST_CASES, ConfirmedFrauds
from tests.features.real_bank import between
from tests.scoring.conftest import START

ALIKE = Recipe(detectors=("contrast",), ensembles=(), rounds=1, settings=Recipe.of("quick").settings)


@pytest.fixture(scope="module")
def december(features) -> pa.Table:
    return between(features, date(1993, 12, 1), date(1993, 12, 31), "settlement_date")


def _some(features: pa.Table, number: int) -> frozenset[int]:
    return frozenset(features["trans_id"].to_pylist()[:number])


def test_confirmed_rows_are_not_usual_and_few_are_no_examples(december):
    few = ConfirmedFrauds(_some(december, LEAST_CASES - 1))
    assert few.left_out(december).num_rows == december.num_rows - LEAST_CASES + 1
    assert few.rounds(december) == ()
    (round_,) = ConfirmedFrauds(_some(december, LEAST_CASES)).rounds(december)
    assert round_.is_planted.all()
    assert round_.kind_names == [KIND]
    assert set(round_.strengths) == set(STRENGTHS)


def test_without_any_nothing_is_touched(december):
    none = ConfirmedFrauds()
    assert none.left_out(december) is december
    assert (none.rounds(december), none.notes(december), none.marked("digest", december)) == ((), (), "digest")


def test_finding_a_confirmed_case_is_no_false_alarm(december):
    (planted,) = ConfirmedFrauds(_some(december, LEAST_CASES)).rounds(december.slice(0, LEAST_CASES))
    mixed = replace(
        planted,
        features=december.slice(0, LEAST_CASES + 10),
        kinds=np.append(planted.kinds, [None] * 10),
        strengths=np.append(planted.strengths, [None] * 10),
    )
    confirmed = frozenset(december["trans_id"].to_pylist()[: LEAST_CASES + 4])
    cleared = ConfirmedFrauds(confirmed).cleared(mixed)
    assert len(cleared.kinds) == cleared.features.num_rows == LEAST_CASES + 6


def test_a_training_learns_from_cases_and_says_so(history, statics, december):
    """Cash withdrawals, all confirmed: the model holds the like of them for odder than the same one without."""
    withdrawals = december.filter(pc.equal(december["operation"], "WIC"))
    told, plain = (_trained(history, statics, confirmed) for confirmed in (_some(withdrawals, 80), frozenset()))
    assert told.version != plain.version
    assert told.training.notes[-1] == "80 confirmed cases were left out of what is usual and taught"
    assert _mean_score(told, withdrawals.slice(100, 200)) > _mean_score(plain, withdrawals.slice(100, 200))


def _trained(history: pa.Table, statics: dict[str, pa.Table], confirmed: frozenset[int]) -> Model:
    spec = TrainingSpec(START, seed=20, budget=0.02, recipe=ALIKE, weights={"contrast": 1}, confirmed=confirmed)
    model = train(BankHistory(history, statics, rounding_cents=10), spec).model
    assert model is not None
    return model


def _mean_score(model: Model, features: pa.Table) -> float:
    return float(np.mean(model.detector_scores(model.values(features))["contrast"]))
