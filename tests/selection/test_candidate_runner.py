"""A candidate has a process of its own, and is out when that fails or takes too much."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from include.errors import SettingsError
from include.selection import CandidateError, candidate_worker, prepare, try_candidate
from include.selection.fold_data import cost_of
from include.selection.plan import Limits, SelectionPlan, work_folder
from tests.selection.conftest import BEFORE


@pytest.fixture(scope="module")
def prepared(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    lake = f"file:{tmp_path_factory.mktemp('lake')}"
    prepare(f"file:{bank}?rounding=0.1", lake, BEFORE, "tried", folds=1, rounds=2)
    return lake


def bound(lake: str, limits: Limits, **settings: object) -> None:
    """Other limits, and other settings of `contrast`."""
    folder = work_folder(lake, "tried")
    plan = SelectionPlan.read(folder)
    contrast = replace(plan.candidates["contrast"], settings=settings)
    replace(plan, limits=limits, candidates={**plan.candidates, "contrast": contrast}).keep(folder)


def test_what_it_found_and_cost_is_kept(prepared):
    bound(prepared, Limits())
    told = try_candidate(prepared, "tried", "rarity")
    assert told["seconds"] > 0
    assert 50 < told["peak_mib"] < 2048
    folder = work_folder(prepared, "tried")
    assert cost_of(folder, "rarity").failure == ""
    assert folder.get("rarity.fold-1.round-1").num_rows == folder.get("fold-1.round-1").num_rows


def test_of_what_nobody_foresaw_the_type_is_told_and_the_text_stays_in_the_tasks_log(prepared, capfd):
    bound(prepared, Limits(), bins=1)
    with pytest.raises(CandidateError) as told:
        try_candidate(prepared, "tried", "contrast")
    failure = cost_of(work_folder(prepared, "tried"), "contrast").failure
    assert failure == "InvalidParameterError, whose text is in the log of its task"
    assert str(told.value) == f"candidate contrast of selection tried is out: {failure}"
    logged = capfd.readouterr().err
    assert "candidate contrast of selection tried is out" in logged
    assert "max_bins" in logged


def test_an_error_of_our_own_is_told_in_its_words(prepared, monkeypatch):
    bound(prepared, Limits())
    told = SettingsError("trees must be at least 1")
    monkeypatch.setattr(candidate_worker, "run", lambda *_: (_ for _ in ()).throw(told))
    monkeypatch.setattr(candidate_worker, "_bound", lambda _: None)
    assert candidate_worker.main(prepared, "tried", "contrast") == 1
    assert cost_of(work_folder(prepared, "tried"), "contrast").failure == "SettingsError: trees must be at least 1"


def test_every_fold_is_fitted_with_a_seed_of_its_own(prepared, monkeypatch):
    bound(prepared, Limits())
    folder, seeds = work_folder(prepared, "tried"), []
    plan = SelectionPlan.read(folder)
    fit = candidate_worker.fit_on
    monkeypatch.setattr(candidate_worker, "fit_on", lambda *given: (seeds.append(given[-1]), fit(*given))[1])
    again = replace(plan, folds=(plan.folds[0], plan.folds[0]))
    candidate_worker.run(folder, again, plan.candidate("rarity"))
    assert set(seeds) == {plan.seed + 1}
    assert plan.fit_seed(1) != plan.fit_seed(2)


def test_beyond_its_memory_it_is_out(prepared):
    bound(prepared, Limits(mib=60))
    with pytest.raises(CandidateError, match="held more than the 60 MiB it may have"):
        try_candidate(prepared, "tried", "contrast")


def test_beyond_its_time_it_is_stopped(prepared):
    bound(prepared, Limits(seconds=1))
    with pytest.raises(CandidateError, match="stopped after the 1 seconds it may take"):
        try_candidate(prepared, "tried", "contrast")


def test_an_unknown_candidate_is_refused(prepared):
    with pytest.raises(SettingsError, match="no candidate 'oracle'; it has rarity"):
        try_candidate(prepared, "tried", "oracle")
