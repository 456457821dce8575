"""A selection from its folds to its evidence, on a small bank."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from include.errors import MissingStateError, SettingsError
from include.learning.canary import CANARY, Canary
from include.registry import ModelRegistry, tracking
from include.selection import SelectionError, compare, prepare, promote, selections
from include.selection.attributions import AT_RANDOM, HIGHEST
from include.selection.candidates import ensemble_specs_of
from include.selection.comparison import Comparison, compare_ensembles, judge
from include.selection.evidence import MOST_CHARACTERS
from include.selection.fold_data import Cost, put_cost
from include.selection.plan import SelectionPlan, work_folder
from include.settings import get_settings
from include.training.fitting import FitContext
from tests.registry.moving import copy_lake
from tests.selection.conftest import BEFORE, FAILED, LATER, SENTENCE, Selected, try_here


def path_of(uri: str) -> Path:
    return Path(uri.removeprefix("file:"))


def test_folds_follow_each_other_up_to_the_date(selected):
    first, second = selected.plan.folds
    assert (second.validation_from, second.before) == (first.before, BEFORE)
    assert first.before - first.validation_from == second.before - second.validation_from == timedelta(days=31)
    assert first.training_rows < second.training_rows == first.training_rows + first.validation_rows
    assert len({*first.seeds, *second.seeds}) == 4
    assert set().union(*first.held_out_kinds) >= {"amount", "burst"}
    assert not first.held_out_kinds[0] & first.held_out_kinds[1]


def test_what_the_challenger_looks_at_is_told_over_a_sample_and_names_nobody(selected):
    kept = json.loads((path_of(selected.found["evidence"]) / "attributions.json").read_text())
    assert kept.keys() == {"version", "postings", "codes", "contributions", "rarities"}
    assert kept["version"] == selected.found["challenger"]
    weight = np.abs(np.array(kept["contributions"])).mean(axis=0)
    assert AT_RANDOM <= len(kept["contributions"]) <= AT_RANDOM + HIGHEST
    assert weight.tolist() == sorted(weight, reverse=True)
    assert weight[0] > 0
    assert np.array(kept["rarities"]).shape == np.array(kept["contributions"]).shape


def test_a_failed_candidate_is_named_and_the_others_are_compared(selected):
    report = (path_of(selected.found["evidence"]) / "evidence.md").read_text()
    assert f"`{FAILED}`: {SENTENCE}" in report
    assert all(f"| {name} |" in report or f"| **{name}** |" in report for name in ("rarity", "contrast"))
    assert FAILED in selected.found["markdown"]


def test_without_a_champion_the_winner_is_better_than_none(selected):
    found, registry = selected.found, ModelRegistry.open(selected.lake, get_settings())
    assert (found["champion"], found["is_better"]) == (None, True)
    assert registry.load(found["challenger"]).training.last_night == BEFORE - timedelta(days=1)
    assert registry.champion() is None
    assert Canary.kept(registry, registry.load(found["challenger"]), CANARY) is not None


def test_the_pack_is_whole(selected):
    folder = path_of(selected.found["evidence"])
    assert {path.name for path in folder.iterdir()} == {
        *("evidence.md", "evidence.csv", "selection.json", "attributions.json"),
        *("precision_recall.png", "recall_by_kind.png", "alerts_challenger.png", "cost.png"),
        "what_the_model_looks_at.png",
    }
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.glob("*.png"))
    table = pyarrow.csv.read_csv(folder / "evidence.csv")
    assert set(table["ensemble"].to_pylist()) == {"rarity", "contrast", "contrast*2+rarity"}
    assert set(table["seed"].to_pylist()) == {seed for fold in selected.plan.folds for seed in fold.seeds}
    assert set(table["is_known"].to_pylist()) == {True, False}
    report = (folder / "evidence.md").read_text()
    assert selected.plan.data_digest in report
    assert selected.found["verdict"] in report
    assert 0 < len(selected.found["markdown"]) <= MOST_CHARACTERS


def test_the_record_holds_the_pack(selected):
    (run,) = tracking.runs(get_settings(), selected.lake).to_pylist()
    assert run["model_version"] == selected.found["challenger"]
    metrics = dict(run["metrics"])
    assert {"merit/contrast x2 and rarity", "recall/blatant"} <= set(metrics)
    files = {path.name for path in (path_of(selected.lake) / "mlflow").rglob("*") if path.is_file()}
    assert {"evidence.md", "selection.csv", "precision_recall.png"} <= files


def test_it_is_listed_and_its_records_are_gone(selected):
    (listed,) = selections(selected.lake)
    assert {key: listed[key] for key in selected.found} == selected.found
    assert listed["failed"] == {FAILED: SENTENCE}
    assert not (path_of(selected.lake) / "_work" / "selection" / "first").exists()
    assert selections(f"{selected.lake}/nowhere") == []


def test_compared_again_it_says_the_same(selected):
    assert compare(selected.lake, selected.source, "first") == selected.found


def compared_here(lake: str, plan: SelectionPlan, *names: str) -> Comparison:
    """What `compare` finds before it trains anything."""
    specs = ensemble_specs_of({name: plan.candidates[name] for name in names}, plan.recipe, None)
    return compare_ensembles(work_folder(lake, plan.selection), plan, specs, "")


def with_another_future(bank: Path, copy: Path) -> str:
    """The bank as if everything from `BEFORE` on had been ten times as much."""
    shutil.copytree(bank, copy)
    path = copy / "fin_transaction.parquet"
    table = pq.read_table(path)
    tenfold = pc.multiply(table["amount"], pa.scalar(10)).cast(table["amount"].type)
    is_later = pc.greater_equal(table["trans_date"], pa.scalar(BEFORE))
    assert pc.any(is_later).as_py()
    place = table.schema.get_field_index("amount")
    pq.write_table(table.set_column(place, "amount", pc.if_else(is_later, tenfold, table["amount"])), path)
    return f"file:{copy}?rounding=0.1"


def test_the_future_changes_nothing_and_the_same_past_gives_the_same_verdict(selected, bank, tmp_path):
    lake, source = f"file:{tmp_path / 'lake'}", with_another_future(bank, tmp_path / "bank")
    prepare(source, lake, BEFORE, "again", folds=2, rounds=2)
    plan = SelectionPlan.read(work_folder(lake, "again"))
    assert plan.data_digest == selected.plan.data_digest
    try_here(lake, "again", "rarity", "contrast")
    comparison = compared_here(lake, plan, "rarity", "contrast")
    assert judge(plan, comparison).sentence == selected.found["verdict"]
    (first,) = selections(selected.lake)
    assert first["merits"] == {name: asdict(comparison.merit(name)) for name in comparison.merits}


def test_a_champion_that_saw_none_of_the_nights_competes_as_it_is_and_stays_when_nothing_is_better(selected, tmp_path):
    lake = copy_lake(selected.lake, tmp_path / "lake", get_settings())
    champion = selected.found["challenger"]
    promote(lake, champion, by="a test", why="it was selected")
    told = prepare(selected.source, lake, LATER, "second", folds=1, rounds=2)
    assert told["champion"] == champion
    assert [fold.measures_champion for fold in SelectionPlan.read(work_folder(lake, "second")).folds] == [True]
    try_here(lake, "second", "rarity", "contrast")
    found = compare(lake, selected.source, "second")
    assert (found["is_better"], found["champion"]) == (False, champion)
    assert found["challenger"] not in (None, champion)
    assert f"than {champion} as it is beyond noise" in found["verdict"]
    assert "the champion stays" in found["verdict"]
    assert "the champion as it is (champion)" in found["markdown"]
    assert (path_of(found["evidence"]) / "alerts_champion.png").exists()
    assert ModelRegistry.open(lake, get_settings()).champion() == champion
    assert {summary["selection"] for summary in selections(lake)} == {"first", "second"}


class LearnedError(Exception):
    """Raised where a test has seen enough."""


def test_what_a_folds_candidates_share_is_fitted_with_the_folds_own_seed(selected, tmp_path, monkeypatch):
    seeds = []

    def learn(features, recipe, seed):
        seeds.append(seed)
        raise LearnedError

    monkeypatch.setattr(FitContext, "learn", learn)
    with pytest.raises(LearnedError):
        prepare(selected.source, f"file:{tmp_path}", BEFORE, "seeds", folds=1, rounds=2)
    assert seeds == [selected.plan.fit_seed(1)] != [selected.plan.fit_seed(2)]


def test_too_little_history_is_said_and_not_raised(selected, tmp_path):
    lake = f"file:{tmp_path}"
    told = prepare(selected.source, lake, date(2022, 12, 1), "early")
    assert told["candidates"] == []
    assert "days of history lie before" in told["note"]
    found = compare(lake, selected.source, "early")
    assert (found["challenger"], found["is_better"]) == (None, False)
    assert json.loads((path_of(found["evidence"]) / "selection.json").read_text())["verdict"] == told["note"]


def test_when_all_failed_the_reasons_are_raised(selected, tmp_path):
    lake = f"file:{tmp_path}"
    folder = work_folder(lake, "none")
    folder.begin()
    selected.plan.keep(folder)
    put_cost(folder, "rarity", Cost(failure="it broke"))
    with pytest.raises(SelectionError, match="rarity: it broke; contrast: it was not tried"):
        compare(lake, selected.source, "none")


@pytest.mark.parametrize(("folds", "rounds"), [(1, 1), (0, 5), (13, 1)])
def test_what_says_nothing_of_chance_is_refused(selected, folds, rounds):
    with pytest.raises(SettingsError, match="at least 2 rounds"):
        prepare(selected.source, selected.lake, BEFORE, "refused", folds=folds, rounds=rounds)


def test_what_was_not_prepared_is_not_compared(selected: Selected):
    with pytest.raises(MissingStateError):
        compare(selected.lake, selected.source, "unknown")
