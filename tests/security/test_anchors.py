"""Anchors lie beside the key unless the installation names a place, and those of earlier versions open."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from include.errors import IntegrityError
from include.security.anchors import Anchors
from include.security.envelope import Envelope
from include.settings import Settings

LAKE, ADDRESS = "0" * 32, "/data/lake"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(key_file=tmp_path / "keys" / "lake.key")


def test_a_place_that_names_its_lake_in_the_content_alone_opens(settings: Settings) -> None:
    anchors, path = Anchors.open(settings), Anchors.open(settings).place_file(ADDRESS)
    path.write_bytes(Envelope.open(settings).seal(LAKE.encode(), {"purpose": "place", "address": ADDRESS}))
    assert anchors.lake_at(ADDRESS) == LAKE
    assert anchors.place(ADDRESS, "1" * 32) == LAKE
    path.write_bytes(Envelope.open(settings).seal(LAKE.encode(), {"purpose": "place", "address": "/data/other"}))
    with pytest.raises(IntegrityError, match="does not verify"):
        anchors.lake_at(ADDRESS)


def test_anchors_lie_in_a_folder_that_is_named_and_nobody_else_may_enter(settings: Settings, tmp_path: Path) -> None:
    named = settings.model_copy(update={"anchors_uri": f"file:{tmp_path / 'anchors'}"})
    Anchors.open(named).advance(LAKE, {"champion": 1})
    assert Anchors.open(named).counters(LAKE) == {"champion": 1}
    assert Anchors.open(settings).counters(LAKE) is None
    folder = tmp_path / "anchors"
    assert sorted(path.name for path in folder.iterdir()) == [f"{LAKE}.anchor", "anchors.lock"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / f"{LAKE}.anchor")] == [0o700, 0o600]


def test_anchors_move_by_a_copy_without_the_keys_name(settings: Settings, tmp_path: Path) -> None:
    Anchors.open(settings).advance(LAKE, {"champion": 1})
    beside = settings.key_file.parent / f"lake.key.{LAKE}.anchor"
    named = settings.model_copy(update={"anchors_uri": f"file:{tmp_path / 'anchors'}"})
    assert Anchors.open(named).counters(LAKE) is None
    beside.rename(tmp_path / "anchors" / f"{LAKE}.anchor")
    assert Anchors.open(named).counters(LAKE) == {"champion": 1}
