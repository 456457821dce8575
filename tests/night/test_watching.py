"""What the watch has to tell goes the way of the findings: one transaction, one queue, the same when run again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from include.lake import Lake
from include.monitoring import watch
from include.monitoring.notices import NOTICES_SCHEMA
from include.night import NightRequest, extract, gate, publish, report, score, settle, verify
from include.night.watching import NOTICES, WATCH
from include.night.workspace import Workspace

NIGHT = date(1994, 1, 27)
NOTICE = {
    "code": "feature_drift",
    "feature": "gap",
    "topic": "timing",
    "text": "Since about 3 January pauses stand out more often.",
    "asks_for_selection": True,
    "since": date(1994, 1, 3),
    "effect": 0.2,
    "also": [],
}


@pytest.fixture
def request_(pkdd: Path, tmp_path: Path) -> NightRequest:
    return NightRequest.of(NIGHT, f"file:{pkdd}", f"file:{tmp_path}", "test")


@pytest.mark.usefixtures("ready_model")
def test_a_notice_is_published_with_the_night_and_read_back(request_: NightRequest) -> None:
    for step in (extract, gate, settle, score):
        step(request_)
    workspace = Workspace.of(request_)
    assert workspace.get(NOTICES).num_rows == 0
    workspace.put(NOTICES, pa.Table.from_pylist([NOTICE], schema=NOTICES_SCHEMA))
    summary = publish(request_)
    alerts = Lake.open(request_.lake_uri).read("alerts", NIGHT, NIGHT).sort_by("rank").to_pylist()
    assert (alerts[-1]["kind"], alerts[-1]["severity"], alerts[-1]["text"]) == ("drift", "warn", NOTICE["text"])
    assert summary["notices"] == [NOTICE["text"]]
    assert verify(request_.lake_uri, NIGHT)["nights"] == 1
    said = watch(request_.lake_uri, NIGHT)
    told = {name: NOTICE[name] for name in ("code", "feature", "text", "asks_for_selection")}
    assert (said["night"], said["notices"]) == ("1994-01-27", [told])
    assert said["figures"]["alert_share"] >= 0
    report(request_)


@pytest.mark.usefixtures("ready_model")
def test_a_month_ends_with_a_picture_where_there_was_something_to_compare(request_: NightRequest) -> None:
    end = NightRequest(date(1994, 1, 31), request_.source_uri, request_.lake_uri, "test")
    for step in (extract, gate, settle, score):
        step(end)
    workspace = Workspace.of(end)
    kept = workspace.read_note(WATCH)
    drift = {"feature_drift gap rarity": {"effect": 0.1, "limit": 0.07, "p_value": 0.0}}
    workspace.note(WATCH, {**kept, "figures": {**kept["figures"], "drift": drift}})
    publish(end)
    report(end)
    (picture,) = (Path(end.lake_uri.removeprefix("file:")) / "drift").iterdir()
    assert (picture.name, picture.read_bytes()[:4]) == ("1994-01.png", b"\x89PNG")
