"""Training sees the past only, names what it made, and sets its threshold on nights its draft has not seen."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.errors import SettingsError
from include.evaluation.bank_history import BankHistory
from include.models.model import Model
from include.registry.tracking import TrainingRun
from include.scoring import score_night
from include.training import Recipe, TrainingOutcome, TrainingSpec, train
from include.training.fitting import fit, raw_values, sample_rows
from include.training.split import MIN_TRAINING_DAYS, WARM_UP_DAYS
from include.training.training_run import training_run
from tests.features.real_bank import between, with_times_and_places
from tests.scoring.conftest import START

TINY = Recipe(detectors=("rarity", "contrast"), ensembles=(), rounds=1, settings={"contrast": {"trees": 5, "bins": 16}})
"""Who needs a model, but not a good one."""

training_module = sys.modules["include.training.train"]  # `include.training.train` is the function of that name


@pytest.fixture(scope="module")
def some(history: pa.Table) -> pa.Table:
    """Every third account of the bank: enough to train on, and three times as fast."""
    kept = pc.equal(pc.subtract(history["account_id"], pc.multiply(pc.divide(history["account_id"], 3), 3)), 0)
    return history.filter(kept)


def trained(
    history: pa.Table, statics: dict[str, pa.Table], recipe: Recipe = TINY, **changes: object
) -> TrainingOutcome:
    spec = TrainingSpec(before=START, seed=20, budget=0.02, recipe=recipe)
    return train(BankHistory(history, statics, rounding_cents=10), replace(spec, **changes))


def everything_learned(model: Model) -> dict[str, bytes]:
    reader = model.sequence.learned() if model.sequence is not None else {}
    return {name: array.tobytes() for name, array in {**model.arrays(), **reader}.items()}


def with_another_future(history: pa.Table) -> pa.Table:
    """The same postings in another order, with what comes from `START` on made into something else."""
    future = pc.greater_equal(history["trans_date"], pa.scalar(START))
    amounts = pc.if_else(future, pa.scalar(Decimal("77777.00"), pa.decimal128(12, 2)), history["amount"])
    changed = history.set_column(history.schema.get_field_index("amount"), "amount", amounts)
    return changed.take(np.random.default_rng(1).permutation(history.num_rows))


def test_the_same_past_gives_the_same_model_whatever_comes_after(some, statics):
    first = trained(some, statics, Recipe.of("quick"))
    again = trained(with_another_future(some), statics, Recipe.of("quick"))
    assert again.model.version == first.model.version
    assert everything_learned(again.model) == everything_learned(first.model)
    assert again.model.typical_score == first.model.typical_score
    assert (again.merit, again.chosen) == (first.merit, first.chosen)
    assert {m.name for m in first.model.members} == set(Recipe().detectors)


def test_another_training_has_another_name(some, statics):
    changes = ({}, {"seed": 21}, {"before": START - timedelta(days=1)})
    models = [trained(some, statics, **change).model for change in changes]
    dearer = replace(models[0], training=replace(models[0].training, budget=0.01))
    assert len({model.version for model in (*models, dearer)}) == len(changes) + 1


def test_december_and_january_keep_the_budget(model, features):
    """January is busier than any month before it: its cash withdrawals are 2.7 times December's."""
    nights = between(features, date(1993, 12, 1), date(1994, 1, 31), "settlement_date")
    scores = score_night(nights, model)
    in_january = pc.greater_equal(scores["settlement_date"], pa.scalar(START))
    seen, unseen = (scores.filter(kept) for kept in (pc.invert(in_january), in_january))
    assert 0.005 <= pc.mean(seen["is_flagged"].cast(pa.int8())).as_py() <= 0.025
    assert 0.005 <= pc.mean(unseen["is_flagged"].cast(pa.int8())).as_py() <= 0.03
    assert (unseen["score"].to_numpy() >= model.threshold).mean() > 0.03  # with one threshold for all nights


def test_too_little_history_is_said_not_raised(history, statics):
    needed = WARM_UP_DAYS + MIN_TRAINING_DAYS
    short = trained(history, statics, before=date(1993, 1, 1) + timedelta(days=needed - 1))
    assert short.model is None
    assert f"{needed} are needed" in short.note
    few = trained(history, statics, before=date(1993, 4, 5))
    assert few.model is None
    assert "1000 are needed" in few.note
    assert trained(history.slice(0, 0), statics).model is None


def test_an_unknown_detector_is_refused(features):
    with pytest.raises(SettingsError, match="isolation_forest"):
        fit(features.slice(0, 500), (), Recipe(detectors=("oracle",)), 1)


def test_without_district_the_model_does_without_salary(some, statics):
    poorer = {name: table for name, table in statics.items() if name != "fin_district"}
    model = trained(some, poorer).model
    assert "amount_to_salary" not in model.features
    assert any("fin_district" in note for note in model.training.notes)


def test_a_model_for_places_scores_a_night_without_them(features, some, statics):
    placed = trained(with_times_and_places(some), statics).model
    assert {"hour_rarity", "place_rarity"} <= set(placed.features)
    night = between(features, *[date(1994, 1, 13)] * 2, "settlement_date")
    assert np.isfinite(placed.score(placed.values(night))).all()


# ---------------------------------------------------------------- draft, choice, threshold


@pytest.fixture
def watched(monkeypatch) -> dict[str, list]:
    """What a training fits, chooses and sets its threshold on."""
    calls: dict[str, list] = {"fit": [], "choose": [], "_threshold": []}

    def watch(name: str) -> None:
        real = getattr(training_module, name)

        def watching(*arguments):
            calls[name].append((arguments, result := real(*arguments)))
            return result

        monkeypatch.setattr(training_module, name, watching)

    for name in calls:
        watch(name)
    return calls


def span(features: pa.Table) -> tuple[date, date]:
    ends = pc.min_max(features["settlement_date"]).as_py()
    return ends["min"], ends["max"]


def test_the_threshold_comes_from_nights_the_draft_has_not_seen(some, statics, watched):
    model = trained(some, statics).model
    since = model.training.threshold_since
    (draft_on, training_rounds, *_), draft = watched["fit"][0]
    (final_on, final_rounds, *_), _ = watched["fit"][1]
    ((chosen_by, validation_rounds, *_), _) = watched["choose"][0]
    ((draft_asked, _, later, _), threshold) = watched["_threshold"][0]
    assert span(draft_on)[1] < since
    assert all(span(round_.features)[1] < since for round_ in training_rounds)
    assert all(span(round_.features)[0] >= since for round_ in validation_rounds)
    assert span(later) == (since, START - timedelta(days=1))
    assert span(final_on)[1] == START - timedelta(days=1)
    assert len(final_rounds) == len(training_rounds) + len(validation_rounds)
    assert chosen_by is draft_asked is draft
    assert model.threshold == threshold


def test_with_too_little_planted_it_falls_back_without_evidence(some, statics, monkeypatch):
    monkeypatch.setattr(training_module, "LEAST_PLANTED", 10_000)
    outcome = trained(some, statics)
    assert outcome.chosen == "rarity"
    assert outcome.model.weights == {"rarity": 1, "contrast": 0}
    assert outcome.model.version.startswith("rarity-")
    assert (outcome.evidence.num_rows, dict(outcome.merit)) == (0, {})
    assert training_run(outcome, 1.0).tables == {}


def test_every_candidate_was_measured_and_the_best_has_the_say(outcome):
    assert outcome.merit[outcome.chosen] == pytest.approx(max(outcome.merit.values()), abs=0.001)
    assert set(outcome.evidence["ensemble"].to_pylist()) == set(outcome.merit)
    assert set(Recipe().detectors) <= set(outcome.merit)
    assert outcome.merit["contrast"] > 0.5  # even in small it finds most of what was planted


def test_the_record_of_a_training_tells_what_it_found(outcome):
    run = training_run(outcome, 12.34)
    assert isinstance(run, TrainingRun)
    assert run.model_version == outcome.model.version
    assert run.parameters["ensemble"] == outcome.chosen
    assert run.metrics["threshold"] == outcome.model.threshold
    assert {f"recall/{strength}" for strength in ("blatant", "faint")} <= set(run.metrics)
    assert run.metrics["average_precision/blatant"] > run.metrics["average_precision/faint"]
    assert all(np.isfinite(value) for value in run.metrics.values())
    assert set(run.figures) == {"recall_by_kind", "detectors_beside"}
    assert run.tables["evidence"].num_rows == outcome.evidence.num_rows > 0


# ---------------------------------------------------------------- fitting


def test_the_sample_is_capped_seeded_and_in_order():
    matrix = np.arange(60_000, dtype=float).reshape(-1, 2)
    sample = sample_rows(matrix, 20_000, 3)
    assert len(sample) == 20_000
    assert (np.diff(sample[:, 0]) > 0).all()
    assert sample_rows(matrix, 20_000, 3).tobytes() == sample.tobytes()
    assert sample_rows(matrix, 20_000, 4).tobytes() != sample.tobytes()


def test_without_planted_rounds_what_learns_from_examples_is_left_out(features):
    fitted = fit(features.slice(0, 2_000), (), TINY, 1)
    assert set(fitted.detectors) == {"rarity"}
    assert [member.weight for member in fitted.members({"rarity": 1})] == [1]


def test_what_is_fitted_scores_its_rows_as_it_did_when_it_was_fitted(features):
    rows = features.slice(0, 2_000)
    fitted = fit(rows, (), TINY, 1)
    assert fitted.exponents_of(rows)["rarity"].tobytes() == fitted.exponents["rarity"].tobytes()
    assert raw_values(rows, None).shape[0] == 2_000
