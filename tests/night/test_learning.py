"""What a night teaches scores the next one; a night played again keeps the model it had, whatever became of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pytest

from include.lake import Lake
from include.learning import PROFILE_TABLE, REFRESH_TABLE, learn, rollback_learning
from include.night.modelling import _usable
from include.registry import ModelRegistry
from include.settings import get_settings
from tests.night.conftest import play

FIRST, SECOND, THIRD = date(1994, 1, 26), date(1994, 1, 27), date(1994, 1, 28)


@pytest.mark.usefixtures("ready_model")
def test_a_night_learns_and_a_replayed_one_keeps_its_model(
    pkdd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.learning.refresh.REFRESH_NIGHTS", 1)
    uri = f"file:{tmp_path}"
    lake, registry = Lake.open(uri), ModelRegistry.open(uri, get_settings())
    champion = registry.champion()

    play(str(FIRST), pkdd, tmp_path)
    profile = lake.read(PROFILE_TABLE, FIRST, FIRST)
    scores = lake.read("anomaly_scores", FIRST, FIRST)
    of_score = profile.filter(pc.field("feature") == "score")
    assert sum(of_score["rows"].to_pylist()) == scores.num_rows
    taught_rows = lake.read(REFRESH_TABLE, FIRST, FIRST).num_rows
    assert 0 < taught_rows <= scores.num_rows - sum(scores["is_flagged"].to_pylist())

    update = learn(uri, FIRST)
    assert update["accepted"], update["why"]
    taught = play(str(SECOND), pkdd, tmp_path)
    assert lake.published(SECOND)["model_version"] == update["version"]
    assert str(champion) in taught["model"]
    assert set(lake.read(PROFILE_TABLE, SECOND, SECOND)["model_base"].to_pylist()) == {champion}

    rollback_learning(uri, night=FIRST, by="an engineer", why="to see it replayed")
    again = play(str(SECOND), pkdd, tmp_path, "again")
    assert again["output_hash"] == taught["output_hash"]
    assert lake.published(SECOND)["model_version"] == update["version"]
    usable = _usable(registry, THIRD)
    assert usable is not None
    assert usable.version == champion
