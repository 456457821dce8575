"""Promotion and its way back, and what the next night and a night run again make of it."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest

from include.errors import SettingsError
from include.night import NightRequest
from include.night.modelling import model_for
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


@pytest.mark.parametrize(("by", "why"), [("", "reason"), ("an analyst", "  "), ("a" * 1001, "reason")])
def test_somebody_decides_for_a_reason(lake, by, why):
    for decide in (lambda: promote(lake, OLD, by=by, why=why), lambda: rollback(lake, by=by, why=why)):
        with pytest.raises(SettingsError, match="say who decides and why"):
            decide()
    assert history(lake) == []
