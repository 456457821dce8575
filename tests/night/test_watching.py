"""What the watch has to tell goes the way of the findings: one transaction, one queue, the same when run again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from include.lake import Lake
from include.monitoring import watch
from include.monitoring.notices import NOTICES_SCHEMA
from include.night import NightRequest, check_settlement, extract, publish, report, score, validate, verify
from include.night.handoffs import Scored
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
    for step in (extract, validate, check_settlement, score):
        step(request_)
    workspace = Workspace.of(request_)
    scored = Scored.load(workspace)
    assert scored.notices.num_rows == 0
    replace(scored, notices=pa.Table.from_pylist([NOTICE], schema=NOTICES_SCHEMA)).save(workspace)
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
    for step in (extract, validate, check_settlement, score):
        step(end)
    workspace = Workspace.of(end)
    scored = Scored.load(workspace)
    drift = {"feature_drift gap rarity": {"effect": 0.1, "limit": 0.07, "p_value": 0.0}}
    replace(scored, watch_figures={**scored.watch_figures, "drift": drift}).save(workspace)
    publish(end)
    report(end)
    (picture,) = (Path(end.lake_uri.removeprefix("file:")) / "drift").iterdir()
    assert (picture.name, picture.read_bytes()[:4]) == ("1994-01.png", b"\x89PNG")
