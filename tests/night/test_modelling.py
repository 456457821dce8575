"""A training is kept, promoted and recorded; what is wrong with the record fails nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

import include.scoring
from demo import generate_bank
from include.night import NightRequest, modelling
from include.night.modelling import has_model, model_for, train_champion
from include.registry import ModelRegistry, tracking
from include.settings import get_settings
from include.training import TrainingOutcome

BEFORE = date(2023, 8, 1)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> str:
    return generate_bank(tmp_path_factory.mktemp("bank"), 120, date(2023, 1, 1), BEFORE, 7).source_uri


@pytest.fixture(scope="module")
def outcomes() -> Iterator[list[TrainingOutcome]]:
    """What was trained so far, by the one real training of this module."""
    kept: list[TrainingOutcome] = []
    real = modelling.train

    def once(*arguments: object, **named: object) -> TrainingOutcome:
        if not kept:
            kept.append(real(*arguments, **named))
        return kept[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modelling, "train", once)
        yield kept


@pytest.fixture(scope="module")
def champion(bank: str, outcomes: list[TrainingOutcome], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict]:
    lake = f"file:{tmp_path_factory.mktemp('lake')}"
    return lake, train_champion(bank, lake, BEFORE)


def test_a_training_makes_a_champion(champion):
    lake, told = champion
    registry = ModelRegistry.open(lake, get_settings())
    assert registry.champion() == told["model_version"]
    assert registry.load(told["model_version"]).sequence is not None
    assert has_model(lake, BEFORE)
    assert not has_model(lake, date(2023, 7, 1))


def test_a_model_trained_for_a_night_scores_the_nights_after_it(bank, outcomes, champion, tmp_path):
    lake = SimpleNamespace(published=lambda night: None)
    request = NightRequest.of(BEFORE, bank, f"file:{tmp_path}")
    chosen = model_for(request, lake, None, {}, 1)
    assert chosen.version == outcomes[0].model.version
    assert ModelRegistry.open(request.lake_uri, get_settings()).champion() is None
    assert has_model(request.lake_uri, BEFORE)


def test_a_training_leaves_a_run_with_its_figures_and_tables(champion, outcomes):
    lake, told = champion
    (run,) = tracking.runs(get_settings(), lake).to_pylist()
    assert (run["model_version"], run["status"]) == (told["model_version"], "FINISHED")
    metrics = dict(run["metrics"])
    assert metrics["threshold"] == outcomes[0].model.threshold
    assert {"recall/blatant", "average_precision/faint", "merit/contrast"} <= set(metrics)
    files = {path.name for path in Path(lake.removeprefix("file:"), "mlflow").rglob("*") if path.is_file()}
    assert {"recall_by_kind.png", "detectors_beside.png", "evidence.csv"} <= files


def test_a_store_that_is_broken_fails_no_training(bank, outcomes, champion, tmp_path, monkeypatch):
    (tmp_path / "no.db").write_text("this is no database")
    monkeypatch.setenv("ADS_MLFLOW_URI", f"sqlite:///{tmp_path / 'no.db'}")
    get_settings.cache_clear()
    try:
        told = train_champion(bank, f"file:{tmp_path / 'lake'}", BEFORE)
        assert told["model_version"] == champion[1]["model_version"]
        assert "its figures were not recorded" in told["note"]
        assert ModelRegistry.open(f"file:{tmp_path / 'lake'}", get_settings()).champion() == told["model_version"]
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_too_little_history_is_told_and_leaves_nothing(bank, tmp_path, monkeypatch):
    monkeypatch.setattr(modelling, "train", include.training.train)
    told = train_champion(bank, f"file:{tmp_path}", date(2023, 2, 1))
    assert told["model_version"] is None
    assert "of history lie before 2023-02-01" in str(told["note"])
    assert ModelRegistry.open(f"file:{tmp_path}", get_settings()).versions() == ()
