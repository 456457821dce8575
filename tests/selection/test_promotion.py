"""Promotion and its way back, and what the next night and a night run again make of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from include.errors import SettingsError
from include.night import NightRequest, modelling
from include.night.modelling import has_model, model_for
from include.registry import ModelRegistry
from include.selection import history, promote, rollback
from include.settings import get_settings
from tests.registry.conftest import small_model

NIGHT = date(1994, 1, 2)


@pytest.fixture
def lake(tmp_path) -> str:
    registry = ModelRegistry.open(f"file:{tmp_path}", get_settings())
    for seed in (1, 2):
        registry.save(small_model(seed))
    return f"file:{tmp_path}"


OLD, NEW = (small_model(seed).version for seed in (1, 2))


def scored_by(lake: str, published: str | None = None) -> str | None:
    """The model of a night that was published with the version given, or not yet."""
    manifest = None if published is None else {"model_version": published}
    standing = SimpleNamespace(published=lambda night: manifest)
    return model_for(NightRequest.of(NIGHT, "file:/nowhere", lake), standing, None, {}, 1).version


def test_the_next_night_has_the_new_champion_and_after_a_rollback_the_old_one(lake):
    promote(lake, OLD, by="an analyst", why="first")
    assert scored_by(lake) == OLD
    assert promote(lake, NEW, by="an analyst", why="found more") == {"champion": NEW, "before": OLD}
    assert scored_by(lake) == NEW
    assert rollback(lake, by="the head of fraud", why="too many alerts") == {"champion": OLD, "before": NEW}
    assert scored_by(lake) == OLD


def test_a_night_run_again_keeps_the_model_its_manifest_names(lake):
    promote(lake, NEW, by="an analyst", why="found more")
    assert scored_by(lake, published=OLD) == OLD


@pytest.fixture
def trained(lake, monkeypatch) -> str:
    """What a night with no usable model trains on the spot, in this place."""
    fresh = small_model(3)
    told = modelling.Trained(fresh, "trained on the spot")
    monkeypatch.setattr(modelling, "_train", lambda *_: told)
    return fresh.version


def trained_for_a_night(lake: str, version: str) -> None:
    ModelRegistry.open(lake, get_settings()).keep(version, modelling._TRAINED_FOR, b"1994-01-02")


def test_a_challenger_that_nobody_approved_scores_nothing(lake, trained):
    assert scored_by(lake) == trained
    assert not has_model(lake, NIGHT)


def test_without_a_champion_what_was_trained_for_a_night_scores_the_next(lake, trained):
    trained_for_a_night(lake, OLD)
    assert scored_by(lake) == OLD
    assert has_model(lake, NIGHT)
    assert not has_model(lake, date(1994, 1, 1))


def test_what_was_taken_back_is_not_taken_up_again(lake, trained, monkeypatch):
    promote(lake, OLD, by="an analyst", why="first")
    promote(lake, NEW, by="an analyst", why="found more")
    rollback(lake, by="an analyst", why="too many alerts")
    # Of a night that the champion knows already, another model is asked.
    real = ModelRegistry.last_night
    monkeypatch.setattr(ModelRegistry, "last_night", lambda self, v: NIGHT if v == OLD else real(self, v))
    trained_for_a_night(lake, NEW)
    assert scored_by(lake) == trained


def test_a_night_the_champion_knows_is_scored_by_the_champion_before_it(lake, trained, monkeypatch):
    promote(lake, OLD, by="an analyst", why="first")
    promote(lake, NEW, by="an analyst", why="found more")
    real = ModelRegistry.last_night
    monkeypatch.setattr(ModelRegistry, "last_night", lambda self, v: NIGHT if v == NEW else real(self, v))
    assert scored_by(lake) == OLD


@pytest.mark.parametrize("part", ["card", "weights", modelling._TRAINED_FOR])
def test_a_broken_version_stops_no_night_that_has_another(lake, part):
    for version in (OLD, NEW):
        trained_for_a_night(lake, version)
    broken = min(OLD, NEW)
    (Path(lake.removeprefix("file:")) / "models" / broken / f"{part}.sealed").write_bytes(b"torn")
    assert scored_by(lake) == max(OLD, NEW)


def test_the_history_says_who_and_why_newest_first(lake):
    assert history(lake) == []
    promote(lake, OLD, by="an analyst", why="first")
    promote(lake, NEW, by="an analyst", why="found more")
    rollback(lake, by="the head of fraud", why="too many alerts")
    told = history(lake)
    assert [(entry["version"], entry["is_rollback"]) for entry in told] == [(OLD, True), (NEW, False), (OLD, False)]
    assert (told[0]["by"], told[0]["why"]) == ("the head of fraud", "too many alerts")
    assert all(entry["since"] for entry in told)


def test_a_rollback_that_is_repeated_goes_back_once(lake):
    promote(lake, OLD, by="an analyst", why="first")
    promote(lake, NEW, by="an analyst", why="found more")
    rollback(lake, by="an analyst", why="too many alerts", champion=NEW)
    with pytest.raises(SettingsError, match="is not the champion"):
        rollback(lake, by="an analyst", why="too many alerts", champion=NEW)
    with pytest.raises(SettingsError, match="no champion before"):
        rollback(lake, by="an analyst", why="too many alerts")
    assert len(history(lake)) == 3


def test_an_approval_deposes_only_whom_the_evidence_was_about(lake):
    promote(lake, OLD, by="an analyst", why="first")
    with pytest.raises(SettingsError, match="run the selection again"):
        promote(lake, NEW, by="an analyst", why="better than none", champion=None)
    assert history(lake)[0]["version"] == OLD
    assert promote(lake, NEW, by="an analyst", why="better", champion=OLD) == {"champion": NEW, "before": OLD}


def test_an_answer_promotes_once_whatever_is_taken_back_since(lake):
    promote(lake, OLD, by="an analyst", why="first")
    promote(lake, NEW, by="an analyst", why="better", decision="r1/2024-01-01", run="model_selection/1")
    rollback(lake, by="an analyst", why="too many alerts")
    with pytest.raises(SettingsError, match=r"this answer made .* champion at .* already"):
        promote(lake, NEW, by="an analyst", why="better", decision="r1/2024-01-01", run="model_selection/2")
    assert history(lake)[0]["version"] == OLD
    promote(lake, NEW, by="an analyst", why="better", decision="r1/2024-01-02", run="model_selection/2")


def test_a_run_promotes_once_though_its_comparison_is_repeated(lake):
    promote(lake, OLD, by="an analyst", why="first")
    promote(lake, NEW, by="admin (approve_headlessly)", why="better", decision="r1", run="model_selection/1")
    rollback(lake, by="an analyst", why="too many alerts")
    with pytest.raises(SettingsError, match=r"a run changes the champion once.*trigger a new run"):
        promote(lake, NEW, by="admin (approve_headlessly)", why="better", decision="r2", run="model_selection/1")
    assert history(lake)[0]["version"] == OLD


def test_a_pointer_that_is_broken_is_mended_by_a_promotion(lake):
    promote(lake, OLD, by="an analyst", why="first")
    Path(lake.removeprefix("file:"), "models", "champion.sealed").write_bytes(b"torn")
    assert promote(lake, NEW, by="an analyst", why="the pointer was torn") == {"champion": NEW, "before": None}


@pytest.mark.parametrize(("by", "why"), [("", "reason"), ("an analyst", "  "), ("a" * 1001, "reason")])
def test_somebody_decides_for_a_reason(lake, by, why):
    for decide in (lambda: promote(lake, OLD, by=by, why=why), lambda: rollback(lake, by=by, why=why)):
        with pytest.raises(SettingsError, match="say who decides and why"):
            decide()
    assert history(lake) == []
