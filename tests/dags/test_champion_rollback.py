"""A rollback's run goes back once, in the name of who asked for it, however often it is cleared and by whomever."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from dags.champion_rollback import _go_back, _look
from include.errors import SettingsError
from include.learning.updates import Update, UpdateLog
from include.orchestration import CHAMPION, LAST_REFRESH, ModelRequest
from include.registry import ModelRegistry
from include.selection import history, promote
from include.settings import get_settings

VERSIONS = tuple(f"rarity-{number:016x}" for number in range(4))
NIGHTS = (date(1994, 1, 3), date(1994, 1, 4))


@pytest.fixture
def lake(monkeypatch, tmp_path, places) -> str:
    """A lake in which four champions followed each other."""
    lake = f"file:{tmp_path / 'lake'}"
    monkeypatch.setenv("ADS_LAKE_URI", lake)
    get_settings.cache_clear()
    monkeypatch.setattr(ModelRegistry, "load", lambda self, version: SimpleNamespace(version=version))
    for version in VERSIONS:
        promote(lake, version, by="carol", why="found more")
    return lake


def _asked(run_id: str = "manual__1", **params: Any) -> ModelRequest:
    run = SimpleNamespace(dag_id="champion_rollback", triggering_user_name="admin", run_type="manual")
    given = {"which": CHAMPION, "why": "too loud", "lake": None, **params}
    return ModelRequest.of({"dag_run": run, "params": given, "run_id": run_id, "triggering_asset_events": {}})


def _played(asked: ModelRequest) -> dict[str, Any]:
    _look(asked)
    return _go_back(asked)


def test_a_run_that_is_cleared_goes_back_no_further(lake):
    assert _played(_asked())["champion"] == VERSIONS[2]
    for _ in range(2):
        with pytest.raises(SettingsError, match="a run changes the champion once"):
            _played(_asked())
    assert (history(lake)[0]["version"], history(lake)[0]["run"]) == (VERSIONS[2], "champion_rollback/manual__1")
    assert _played(_asked("manual__2"))["champion"] == VERSIONS[1]


def test_nor_after_the_champion_it_took_back_was_promoted_again(lake):
    _played(_asked())
    promote(lake, VERSIONS[3], by="carol", why="it was right")
    with pytest.raises(SettingsError, match="a run changes the champion once"):
        _played(_asked())
    assert history(lake)[0]["version"] == VERSIONS[3]


def test_what_a_run_was_asked_for_first_is_what_it_does(lake):
    _look(_asked())
    promote(lake, VERSIONS[0], by="carol", why="one more")
    with pytest.raises(SettingsError, match="is not the champion"):
        _played(_asked(why="another reason", which=LAST_REFRESH))
    assert history(lake)[0]["version"] == VERSIONS[0]


def test_nothing_is_taken_back_by_a_run_that_did_not_look(lake):
    with pytest.raises(SettingsError, match="does not hold what this run looked at"):
        _go_back(_asked())


@pytest.fixture
def learned(lake) -> ModelRegistry:
    """A champion that two nights refreshed."""
    registry = ModelRegistry.open(lake, get_settings())
    (registry.folder / VERSIONS[3]).mkdir(exist_ok=True)
    updates = tuple(Update(night, VERSIONS[3], None, accepted=True, why="", figures={"rows": 1.0}) for night in NIGHTS)
    UpdateLog(VERSIONS[3], updates).write(registry)
    return registry


def _in_force(registry: ModelRegistry) -> list[date]:
    return [update.night for update in UpdateLog.read(registry, VERSIONS[3]).updates if update.is_in_force]


def test_of_what_was_learned_a_run_takes_back_one_refresh(learned):
    assert _played(_asked(which=LAST_REFRESH))["rolled_back"] == [str(NIGHTS[1])]
    with pytest.raises(SettingsError, match="a run takes back once"):
        _played(_asked(which=LAST_REFRESH))
    assert _in_force(learned) == [NIGHTS[0]]
    assert _played(_asked("manual__2", which=LAST_REFRESH))["rolled_back"] == [str(NIGHTS[0])]


def test_nor_what_another_champion_learned(learned, lake):
    _look(_asked(which=LAST_REFRESH))
    promote(lake, VERSIONS[0], by="carol", why="one more")
    with pytest.raises(SettingsError, match="is not the champion"):
        _played(_asked(which=LAST_REFRESH))
    assert _in_force(learned) == list(NIGHTS)
