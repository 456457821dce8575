"""A selection, nights, what they teach, reviews and the ways back on a lake in S3: the same as in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.lake import Lake
from include.learning import learn, rollback_learning
from include.maintenance.maintain import maintain
from include.night import NightRequest, run_night
from include.paths import files_below, path_of
from include.reviews.drop import drop_reviews, inbox_of
from include.selection import compare, history, prepare, promote, rollback, selections
from include.selection.fold_data import put_cost
from include.selection.plan import SelectionPlan, work_folder
from include.settings import get_settings
from tests.aws.conftest import make_bucket
from tests.selection.conftest import BEFORE, FAILED, LAST, Cost, bank, in_small, key, try_here

__all__ = ["bank", "key"]

pytestmark = pytest.mark.long
FIRST, SECOND = LAST - timedelta(days=4), LAST - timedelta(days=3)
"""A Thursday and a Friday."""


@pytest.fixture(scope="module")
def small(aws_module, key, tmp_path_factory) -> Iterator[None]:
    """Settings of an S3 lake, whose catalog is a SQLite file; models are fitted in small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_CATALOG_URI", f"sqlite:///{tmp_path_factory.mktemp('catalog') / 'catalog.db'}?timeout=60")
        patch.setattr("include.learning.refresh.REFRESH_NIGHTS", 1)
        with in_small(key):
            yield


def whole_life(source: str, lake_uri: str) -> dict[str, Any]:
    """What a selection, three nights and the ways back come to."""
    prepare(source, lake_uri, BEFORE, "first", folds=2, rounds=2)
    try_here(lake_uri, "first", "rarity", "contrast")
    folder = work_folder(lake_uri, "first")
    put_cost(folder, FAILED, Cost(failure="it took too long"))
    assert SelectionPlan.read(folder).selection == "first"
    found = compare(lake_uri, source, "first")
    folder.clear()
    promote(lake_uri, found["challenger"], by="an analyst", why="the best")
    first = run_night(NightRequest.of(FIRST, source, lake_uri))
    lake = Lake.open(lake_uri)
    posting = lake.read("anomaly_scores", FIRST, FIRST)["trans_id"][0].as_py()
    moment = datetime.combine(FIRST, datetime.min.time(), UTC)
    review = {"trans_id": posting, "decision": "confirmed", "who": "x", "decided_at": moment, "known_at": moment}
    drop_reviews(inbox_of(lake_uri), [review])
    taught = learn(lake_uri, FIRST)
    second = run_night(NightRequest.of(SECOND, source, lake_uri))
    taken = lake.read("reviews", SECOND, SECOND).num_rows
    back = rollback_learning(lake_uri, night=FIRST, by="an engineer", why="to see it")
    again = run_night(NightRequest.of(SECOND, source, lake_uri))
    return {
        "winner": found["challenger"],
        "hashes": [night["output_hash"] for night in (first, second, again)],
        "taught": (taught["accepted"], taught["version"]),
        "taken": taken,
        "in_force": back["in_force"],
        "history": [(record["version"], record["by"]) for record in history(lake_uri)],
        "selections": [each["selection"] for each in selections(lake_uri)],
    }


def test_a_lakes_life_in_s3_is_the_one_in_a_folder(small, bank, tmp_path, monkeypatch):
    source = f"file:{bank}?rounding=0.1"
    s3_uri = f"s3://{make_bucket('life')}/lake"
    there = whole_life(source, s3_uri)
    maintain(s3_uri, get_settings(), datetime.now(UTC))
    names = files_below(path_of(s3_uri))
    assert [name for name in names if name.startswith("_work/") or name.endswith((".lock", ".part"))] == []
    with monkeypatch.context() as patch:
        patch.delenv("ADS_CATALOG_URI")
        get_settings.cache_clear()
        here = whole_life(source, f"file:{tmp_path / 'lake'}")
    get_settings.cache_clear()
    assert there == here
    assert there["taken"] == 1
    with pytest.raises(Exception, match="no champion before"):
        rollback(s3_uri, by="an analyst", why="to see it")
