"""Every posting once, with a score; the flagged ones with reasons that add up."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.evaluation.bank_history import BankHistory
from include.explaining.correlated_features import ECHOES, weighing_codes
from include.explaining.reasons import MAX_REASONS, contributions
from include.features import FeatureState, build_features
from include.features.catalog import FEATURES_BY_NAME, REASON_CODES, SURPRISES
from include.features.sequences import window_matrix
from include.lake.tables import SCORES_SCHEMA
from include.models.detectors import DETECTORS
from include.scoring import EARLIER_SCHEMA, score_night
from include.training import Recipe, TrainingSpec, train
from tests.features.real_bank import between, made

FIRST, LAST = date(1994, 1, 1), date(1994, 1, 8)


@pytest.fixture(scope="module")
def model(outcome):
    """A full ensemble: the sequence reader and all others have the same say."""
    trained = outcome.model
    return replace(trained, members=tuple(replace(member, weight=1.0) for member in trained.members))


@pytest.fixture(scope="module")
def week(features):
    return between(features, FIRST, LAST, "settlement_date")


@pytest.fixture(scope="module")
def scores(week, model) -> pa.Table:
    return score_night(week, model)


@pytest.fixture(scope="module")
def flagged(scores):
    return [row for row in scores.to_pylist() if row["is_flagged"]]


def test_every_posting_once(scores, week):
    assert scores.schema == SCORES_SCHEMA
    assert scores["trans_id"].to_pylist() == week["trans_id"].to_pylist()
    assert scores["settlement_date"].to_pylist() == week["settlement_date"].to_pylist()


def test_scores_are_shares_and_never_null(scores):
    values = scores["score"].to_numpy()
    assert scores["score"].null_count == 0
    assert ((values >= 0) & (values <= 1)).all()


def test_flags_follow_the_nights_threshold(scores, model):
    assert scores["is_flagged"].to_pylist() == (scores["score"].to_numpy() >= scores["threshold"].to_numpy()).tolist()
    by_night = scores.group_by("settlement_date").aggregate([("threshold", "count_distinct")])
    assert set(by_night["threshold_count_distinct"].to_pylist()) == {1}
    assert min(scores["threshold"].to_pylist()) >= model.threshold


def test_what_earlier_nights_used_of_the_budget_is_gone(scores, week, model):
    """The nights before had as many findings as a month may have: only what is odder still is flagged."""
    nights = [FIRST - timedelta(days=1)] * model.training.month_rows
    busy = pa.table([nights, [float(scores["score"].to_numpy().max())] * len(nights)], schema=EARLIER_SCHEMA)
    after = score_night(week, model, busy)
    of_flagged = ["is_flagged", "threshold", "reasons", "masked_reasons"]
    assert after.drop_columns(of_flagged).equals(scores.drop_columns(of_flagged))
    assert 0 < sum(after["is_flagged"].to_pylist()) < sum(scores["is_flagged"].to_pylist())


def test_every_detectors_score_is_published_beside(scores, model):
    for row in scores.slice(0, 50).to_pylist():
        beside = dict(row["detector_scores"])
        assert set(beside) == set(DETECTORS)
        assert all(0 <= score <= 1 for score in beside.values())


def test_a_detector_alone_is_the_published_score_up_to_calibration(week, model):
    (lstm,) = (member for member in model.members if member.name == "lstm")
    alone = replace(model, members=(lstm,))
    values = model.values(week)
    expected = lstm.calibration.exponents_of(model.sequence.surprises(window_matrix(week)).sum(axis=1))
    np.testing.assert_allclose(alone.rarity(values), expected, atol=1e-9)


def test_only_flagged_postings_have_reasons(scores, flagged):
    assert flagged
    assert all((row["reasons"] is not None) == row["is_flagged"] for row in scores.to_pylist())


def test_contributions_sum_to_the_distance_from_typical(features, model):
    """Of postings of the whole month, flagged or not."""
    month = between(features, FIRST, date(1994, 1, 31), "settlement_date")
    sample = month.take(pa.array(range(0, month.num_rows, month.num_rows // 200)))
    unlimited = replace(model.training, budget=1.0)
    rows = score_night(sample, replace(model, threshold=0.0, training=unlimited)).to_pylist()
    assert len(rows) >= 200
    for row in rows:
        total = sum(reason["contribution"] for reason in row["reasons"])
        assert total == pytest.approx(row["score"] - row["typical_score"], abs=1e-9)


def test_at_most_five_reasons_and_one_other_strongest_first(flagged):
    for row in flagged:
        codes = [reason["code"] for reason in row["reasons"]]
        named = [reason for reason in row["reasons"] if reason["code"] != "other"]
        assert len(codes) == len(set(codes))
        assert len(named) <= MAX_REASONS
        assert "other" not in codes[:-1]
        weights = [reason["contribution"] for reason in named]
        assert weights == sorted(weights, reverse=True)
        assert all(weight > 0 for weight in weights)


def test_nearly_every_flagged_posting_has_a_named_reason(flagged):
    named = [any(reason["code"] != "other" for reason in row["reasons"]) for row in flagged]
    assert np.mean(named) > 0.95


def test_nothing_is_named_that_is_as_usual(week, model):
    """No feature speaks that is no more than typical, or no rarer than one row in ten."""
    values = model.values(week)
    rarities = model.preparation.apply(values)
    for number, row in enumerate(score_night(week, model).to_pylist()):
        for reason in row["reasons"] or ():
            if reason["code"] == "other":
                continue
            column = model.features.index(reason["feature"])
            assert values[number, column] > model.typical[column]
            assert rarities[number, column] >= 1
            assert reason["value"] != reason["typical"]


def test_sequence_reasons_name_earlier_postings_of_the_account(flagged, history):
    known = set(zip(history["trans_id"].to_pylist(), history["account_id"].to_pylist(), strict=True))
    told = [(row, reason) for row in flagged for reason in row["reasons"] if reason["feature"] in SURPRISES]
    assert told
    for row, reason in told:
        named = [int(number) for number in re.findall(r"\(transaction (\d+)\)", reason["text"])]
        assert named
        assert row["trans_id"] not in named
        assert {(number, row["account_id"]) for number in named} <= known


def test_a_model_without_a_sequence_reader_explains_itself(history, statics, week):
    recipe = Recipe(detectors=("rarity",), ensembles=(), rounds=1)
    spec = TrainingSpec(before=date(1994, 1, 1), seed=20, budget=0.02, recipe=recipe)
    plain = train(BankHistory(history, statics), spec).model
    rows = [row for row in score_night(week, plain).to_pylist() if row["is_flagged"]]
    assert rows
    assert not any(reason["feature"] in SURPRISES for row in rows for reason in row["reasons"])


def test_an_echo_repeats_features_of_one_other_code():
    for echo in ECHOES:
        assert {FEATURES_BY_NAME[cause].code for cause in echo.causes} == {echo.code}
        assert FEATURES_BY_NAME[echo.feature].code != echo.code


def test_what_repeats_another_sign_weighs_with_its_code():
    usual = {"sequence_kind": 3.0, "unowned": -1.0, "balance_share": 2.0, "amount_z": 0.5}
    assert weighing_codes(usual)["sequence_kind"] == "sequence"
    odd = weighing_codes(usual | {"unowned": 2.0, "amount_z": 1.5})
    assert odd == {"sequence_kind": "product", "unowned": "product", "balance_share": "amount", "amount_z": "amount"}


def test_reasons_speak_in_published_codes(flagged):
    for reason in (reason for row in flagged for reason in row["reasons"]):
        assert reason["code"] in REASON_CODES
        assert reason["text"].endswith(".")
        if reason["code"] != "other":
            assert FEATURES_BY_NAME[reason["feature"]].code == reason["code"]
            assert reason["value"]
            assert reason["typical"]


def test_scored_again_every_bit_is_the_same(scores, week, model):
    assert score_night(week, model).equals(scores)


def test_a_row_is_explained_alone_as_in_company(scores, week, model):
    position = scores["is_flagged"].to_pylist().index(True)
    alone = score_night(week.slice(position, 1), model).drop_columns(["threshold"])
    assert alone.to_pylist() == scores.drop_columns(["threshold"]).slice(position, 1).to_pylist()


def test_a_night_without_postings(week, model):
    nothing = score_night(week.slice(0, 0), model)
    assert nothing.num_rows == 0
    assert nothing.schema == SCORES_SCHEMA


def test_an_unknown_account_and_a_first_posting_are_scored(model):
    posting = made({"trans_date": FIRST, "account_id": 999_999, "balance": None, "amount": Decimal("0.01")})
    found = score_night(build_features(posting, posting.slice(0, 0), {}, FeatureState.empty()), model)
    assert 0 <= found["score"][0].as_py() <= 1


def test_the_typical_row_is_not_flagged(model):
    assert model.typical_score < model.threshold / 2


def test_the_larger_the_withdrawal_the_higher_the_score(history, statics, model):
    night = date(1994, 1, 13)
    base = between(history, date(1993, 1, 1), date(1994, 1, 12))
    own = base.filter(pc.and_(pc.equal(base["account_id"], 1475), pc.equal(base["operation"], "WIC")))
    scored = []
    for times in (1, 4, 16):
        amount = Decimal(5000 * times)
        posting = made({"trans_date": night, "account_id": 1475, "amount": amount, "balance": Decimal("1000")})
        found = build_features(posting, base, statics, FeatureState.empty())
        scored.append(score_night(found, model)["score"][0].as_py())
    assert own.num_rows > 5
    assert scored == sorted(scored)
    assert scored[-1] >= model.threshold


def test_contributions_are_shapley_values_as_shap_computes_them(week, scores, model):
    import shap

    position = scores["is_flagged"].to_pylist().index(True)
    values = model.values(week)[position]
    (parts,) = contributions(model, values.reshape(1, -1))
    codes = list(parts.codes)
    group = np.array([parts.weighed.get(name, "") for name in model.features])
    typical = model.typical_of(values.reshape(1, -1))[0]

    def game(mask: np.ndarray) -> np.ndarray:
        rows = [np.where(np.isin(group, np.array(codes)[row > 0]), values, typical) for row in mask]
        return model.score(np.array(rows))

    def present(mask: np.ndarray, everyone: np.ndarray) -> np.ndarray:
        return np.array([mask * everyone])

    explained = shap.ExactExplainer(game, present)(np.ones((1, len(codes))), silent=True)
    np.testing.assert_allclose(explained.values[0], list(parts.codes.values()), atol=1e-9)
    assert explained.base_values[0] == pytest.approx(model.typical_scores(values.reshape(1, -1))[0])
