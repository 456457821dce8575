"""A run of the rotation, on a lake of one night, gives everybody a new pseudonym and goes on with what was begun."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dags import key_rotation
from include.lake import Lake
from include.masking.keys import NameKeyStore
from include.night import verify
from include.night.rotation import STEPS, Rotation
from include.orchestration import LakeRequest
from include.settings import get_settings
from include.tableau.folder import ExtractFolder, extract_of
from tests.dags.runs import played
from tests.privacy.lakes import NIGHTS, publish_night, settings_of, uri_of


@pytest.fixture
def folder(tmp_path: Path, database: None, places: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A lake of one night that the installation calls `trial`, with extracts for Tableau."""
    settings = settings_of(tmp_path)
    monkeypatch.setenv("ADS_KEY_FILE", str(settings.key_file))
    monkeypatch.setenv("ADS_LAKES", json.dumps({"trial": uri_of(tmp_path)}))
    monkeypatch.setenv("ADS_EXTRACTS", "on")
    get_settings.cache_clear()
    publish_night(Lake.open(uri_of(tmp_path), settings), NIGHTS[0], settings)
    yield tmp_path
    monkeypatch.undo()
    get_settings.cache_clear()


def test_it_runs_by_hand_and_in_this_order():
    dag = key_rotation.key_rotation()
    assert not dag.timetable.can_be_scheduled
    assert [task.task_id for task in dag.topological_sort()] == [*STEPS, "write_extracts"]
    assert set(dag.params) == {"lake"}


@pytest.mark.slow
def test_a_run_goes_on_with_a_rotation_that_is_under_way_and_ends_with_one_version(folder):
    settings = settings_of(folder)
    before = _pseudonyms(folder)
    Rotation.open(uri_of(folder), settings).begin()
    run = played(key_rotation.key_rotation())
    assert (run.state, run.sentences) == ("success", [])
    assert run.returned == {
        "begin": {"version": 2},
        "rewrite": {"nights": 1},
        "switch": {"version": 2},
        "write_extracts": {"extracts": [extract_of(NIGHTS[0]), "rolling.hyper"], "removed": []},
    }
    keys = NameKeyStore.open(uri_of(folder), settings).find()
    assert keys is not None
    assert (set(keys.versions), keys.coming) == ({2}, None)
    assert before.isdisjoint(_pseudonyms(folder))
    assert verify(uri_of(folder))["nights"] == 1
    # Cleared by somebody, the tasks find nothing left to do.
    asked = LakeRequest("trial", False, None)
    assert key_rotation._step(asked, "rewrite") == {"nights": 0}
    assert key_rotation._step(asked, "switch") == {"version": 2}
    assert key_rotation._write_extracts(asked) == {"extracts": [], "removed": []}
    assert extract_of(NIGHTS[0]) in ExtractFolder.of(uri_of(folder), is_masked=True).entries()


def test_a_lake_without_masked_tables_has_nothing_to_rotate(places, database, tmp_path, monkeypatch):
    monkeypatch.setenv("ADS_LAKES", json.dumps({"trial": f"file:{tmp_path}"}))
    get_settings.cache_clear()
    run = played(key_rotation.key_rotation())
    assert (run.state, run.states["rewrite", -1]) == ("failed", "upstream_failed")
    assert "no masked tables yet" in run.sentences[0]


def _pseudonyms(folder: Path) -> set[str]:
    rows = Lake.open(uri_of(folder), settings_of(folder)).read("fin_transaction_masked")
    return set(rows["account_id"].to_pylist())
