"""The night's promise on the real month end: any order, any way to its state, the same outputs."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from include.features import STATE_SCHEMAS as FEATURE_STATE
from include.lake import Lake
from include.night import verify
from include.settlement import STATE_SCHEMAS
from tests.night.conftest import nights, play

Published = tuple[Path, dict[str, dict[str, Any]]]
WEEK = nights("1994-01-26", "1994-01-31")


@pytest.fixture(scope="module")
def published(pkdd: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A lake with the last nights of January 1994, played in order, and what each gave."""
    lake = tmp_path_factory.mktemp("lake")
    return lake, {night: play(night, pkdd, lake) for night in WEEK}


def test_replayed_in_any_order_the_nights_are_the_same(published: Published, pkdd: Path) -> None:
    lake, first = published
    shuffled = random.Random(7).sample(WEEK, len(WEEK))
    again = {night: play(night, pkdd, lake, "again") for night in shuffled}
    assert {n: again[n]["output_hash"] for n in WEEK} == {n: first[n]["output_hash"] for n in WEEK}
    assert {n: again[n]["run_key"] for n in WEEK} == {n: first[n]["run_key"] for n in WEEK}


def test_every_night_verifies(published: Published) -> None:
    lake, _ = published
    assert verify(f"file:{lake}")["nights"] == len(WEEK)


@pytest.mark.usefixtures("ready_model")
def test_state_moved_night_by_night_equals_state_built_in_one_pass(
    published: Published, pkdd: Path, tmp_path: Path
) -> None:
    lake, first = published
    direct = play("1994-01-31", pkdd, tmp_path)
    moved, built = Lake.open(f"file:{lake}"), Lake.open(f"file:{tmp_path}")
    last = date(1994, 1, 31)
    for name in (*STATE_SCHEMAS, *FEATURE_STATE):
        tables = [it.read(name, last, last).drop_columns(["run_key"]).to_pylist() for it in (moved, built)]
        assert sorted(map(str, tables[0])) == sorted(map(str, tables[1])), name
    assert direct["breaks"] == first["1994-01-31"]["breaks"]


def test_a_night_holds_each_of_its_postings_once(published: Published) -> None:
    lake, _ = published
    table = Lake.open(f"file:{lake}").read("fin_transaction", date(1994, 1, 31), date(1994, 1, 31))
    ids = table["trans_id"].to_pylist()
    assert len(ids) == len(set(ids)) == 1960
