"""Training sees the past only, and its threshold keeps the budget on the months after it."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.errors import SettingsError
from include.models.model import feature_values
from include.scoring import score_night, train
from include.scoring.train import MIN_TRAINING_DAYS, WARM_UP_DAYS, sample_rows
from tests.features.real_bank import between

START = date(1994, 1, 1)


def test_the_same_past_gives_the_same_model(history, statics, model):
    shuffled = history.take(np.random.default_rng(1).permutation(history.num_rows))
    again = train(shuffled, statics, before=START, seed=20, budget=0.02).model
    assert again.version == model.version
    assert again.typical_score == model.typical_score


def test_what_lies_after_changes_nothing(history, statics, model):
    past = history.filter(pc.less(history["trans_date"], pa.scalar(START)))
    assert train(past, statics, before=START, seed=20, budget=0.02).model.version == model.version


@pytest.mark.parametrize("changed", [{"seed": 21}, {"budget": 0.01}, {"before": date(1993, 12, 31)}])
def test_another_training_has_another_name(history, statics, model, changed):
    arguments = {"before": START, "seed": 20, "budget": 0.02, **changed}
    assert train(history, statics, **arguments).model.version != model.version


@pytest.mark.parametrize("before", [date(1993, 12, 1), START])
def test_december_and_january_keep_the_budget(history, statics, features, before):
    """Measured: December 2.0 %, January 2.6 to 3.0 % (its cash withdrawals are 2.7 times December's)."""
    trained = train(history, statics, before=before, seed=20, budget=0.02).model
    for first, last, most in ((date(1993, 12, 1), date(1993, 12, 31), 0.025), (START, date(1994, 1, 31), 0.035)):
        month = between(features, first, last, "settlement_date")
        share = float((trained.score(feature_values(month, trained.features)) >= trained.threshold).mean())
        assert 0.01 <= share <= most


def test_too_little_history_is_said_not_raised(history, statics):
    needed = WARM_UP_DAYS + MIN_TRAINING_DAYS
    short = train(history, statics, before=date(1993, 1, 1) + timedelta(days=needed - 1), seed=1, budget=0.02)
    assert short.model is None
    assert f"{needed} are needed" in short.note
    few = train(history, statics, before=date(1993, 4, 5), seed=1, budget=0.02)
    assert few.model is None
    assert "1000 are needed" in few.note
    nothing = train(history.slice(0, 0), statics, before=START, seed=1, budget=0.02)
    assert nothing.model is None


def test_an_unknown_detector_is_refused(history, statics):
    with pytest.raises(SettingsError, match="isolation_forest"):
        train(history, statics, before=START, seed=1, budget=0.02, detector_name="oracle")


def test_without_district_the_model_does_without_salary(history, statics):
    poorer = {name: table for name, table in statics.items() if name != "fin_district"}
    trained = train(history, poorer, before=START, seed=20, budget=0.02).model
    assert "amount_to_salary" not in trained.features
    assert any("fin_district" in note for note in trained.training.notes)


def test_a_model_for_places_scores_a_night_without_them(features, history, statics):
    from tests.features.real_bank import with_times_and_places

    placed = train(with_times_and_places(history), statics, before=START, seed=20, budget=0.02).model
    assert {"hour_distance", "place_rarity"} <= set(placed.features)
    night = between(features, *[date(1994, 1, 13)] * 2, "settlement_date")
    assert np.isfinite(score_night(night, placed)["score"].to_numpy()).all()


def test_the_sample_is_capped_seeded_and_in_order():
    matrix = np.arange(60_000, dtype=float).reshape(-1, 2)
    sample = sample_rows(matrix, 3)
    assert len(sample) == 20_000
    assert (np.diff(sample[:, 0]) > 0).all()
    assert sample_rows(matrix, 3).tobytes() == sample.tobytes()
    assert sample_rows(matrix, 4).tobytes() != sample.tobytes()
