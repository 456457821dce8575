"""The Models page: how models do over the nights, what the champion looks at, and the question that waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
import sqlalchemy as sa
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from sqlalchemy.orm import Session

from include.lake import Lake, RunStamp
from include.marts import MASKED_MARTS
from include.monitoring.watch import WATCH_TABLE
from include.settings import Settings, get_settings
from plugins.settlement_console.models.history import ModelsPage, champion_looks, nights_drawn
from plugins.settlement_console.models.plots import FEATURES_DRAWN, attributions_chart
from plugins.settlement_console.models.waiting import questions
from plugins.settlement_console.templating import render
from tests.lake.nights import manifest_row
from tests.plugins.airflow_tables import empty_tables

FIRST = date(1994, 1, 3)
NIGHTS = [FIRST + timedelta(days=days) for days in range(4)]
VERSION = "contrast-00000000000000aa"
FIGURES = {
    "version": VERSION,
    "postings": 1_234,
    "codes": ["spending_limit", "amount"],
    "contributions": [[0.25, 0.0], [0.0, -0.01]],
    "rarities": [[2.5, 0.0], [0.0, 1.0]],
}


def _content(table: Any) -> pa.Schema:
    return pa.schema([field for field in table.schema if field.name != "run_key"])


def _publish(lake: Lake, night: date, drifted: float) -> None:
    stamp, table = RunStamp(f"{night:%d}" * 8, "first", night), MASKED_MARTS["mart_model_performance"]
    decided = {"confirmed": 6, "dismissed": 2, "precision": 0.75, "precision_low": 0.41, "precision_high": 0.93}
    shares = {"flagged_share": 0.02 + night.day / 1000, "threshold": 0.6, "score_p50": 0.1, "score_p90": 0.3}
    row = {"settlement_date": night, "model_version": VERSION, "key_version": 1, "score_p99": 0.5, **shares, **decided}
    lake.replace(table, night, pa.Table.from_pylist([row], _content(table)), stamp, 1)
    drift = {f"feature_drift feature_{n}": {"effect": n / 100, "limit": 0.5, "p_value": 1} for n in range(20)}
    drift["feature_drift distance"] = {"effect": drifted, "limit": 0.1, "p_value": 0}
    watched = {"settlement_date": night, "watched_since": FIRST, "figures": json.dumps({"drift": drift})}
    lake.replace(WATCH_TABLE, night, pa.Table.from_pylist([watched], _content(WATCH_TABLE)), stamp)
    lake.show_version(1, stamp)
    lake.publish_manifest(manifest_row(stamp), stamp)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake of four nights, in the last of which one feature drifts."""
    settings = Settings(lake_uri=str(tmp_path_factory.mktemp("models") / "lake"), key_file=get_settings().key_file)
    lake = Lake.open(settings.lake_uri, settings)
    for night in NIGHTS:
        _publish(lake, night, 0.05 if night < NIGHTS[-1] else 0.12)
    return settings


def test_performance_and_drift_are_drawn_over_the_nights(settings) -> None:
    charts = {chart.name: chart for chart in nights_drawn(settings)}
    assert [*charts] == ["flagged-share", "score-quantiles", "precision", "drift"]
    assert "In the newest night 2.60% of the postings were flagged" in charts["flagged-share"].summary
    assert "Of 8 decided findings of the newest model 75.00% were confirmed" in charts["precision"].summary
    assert "over it on 1994-01-06: distance" in charts["drift"].summary
    rows = [row[0] for row in charts["drift"].table.rows]
    assert (rows[0], len(rows)) == ("distance", FEATURES_DRAWN)
    shown = render("models.html", **_shown(charts=[*charts.values()]))
    assert all(f'data-chart="{name}"' in shown for name in charts)


def _shown(**values: Any) -> dict[str, Any]:
    page = ModelsPage([], [], [])
    return {"root": "", "airflow": "", "charts": [], "looks": None, "questions": [], "page": page, **values}


def test_without_a_lake_nothing_is_drawn(tmp_path) -> None:
    nowhere = Settings(lake_uri=str(tmp_path / "lake"))
    assert nights_drawn(nowhere) == []
    assert not (tmp_path / "lake").exists()


def _page(*selections: str, champion: str = VERSION) -> ModelsPage:
    reign = {"version": champion, "since": "1994-02-01T10:00:00+00:00", "by": "ada", "why": "", "is_rollback": False}
    found = {"challenger": VERSION, "is_better": True, "made_at": "1994-02-01", "verdict": "", "before": "1994-02-01"}
    return ModelsPage([reign], [], [{**found, "selection": name} for name in selections])


def _keep(settings: Settings, selection: str, content: bytes) -> None:
    folder = Path(settings.lake_uri) / "selections" / selection
    folder.mkdir(parents=True)
    (folder / "attributions.json").write_bytes(content)


def test_what_the_champion_looks_at_comes_from_the_selection_that_found_it(settings) -> None:
    _keep(settings, "found", json.dumps(FIGURES).encode())
    chart = champion_looks(settings, _page("without", "found"))
    assert chart is not None
    assert "2 postings out of 1,234" in chart.summary
    assert "Most weight has spending limit" in chart.summary
    assert [[*row] for row in chart.table.rows] == [["spending limit", 0.125, 0.25], ["amount", 0.005, 0.0]]


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"7",
        json.dumps({"version": VERSION}).encode(),
        json.dumps({**FIGURES, "version": "another"}).encode(),
    ],
)
def test_an_older_selection_has_no_figures_and_the_page_says_so(settings, content) -> None:
    _keep(settings, f"torn-{uuid4().hex}", content)
    names = sorted(path.name for path in (Path(settings.lake_uri) / "selections").iterdir() if path.name != "found")
    assert champion_looks(settings, _page("without", *names)) is None
    shown = render("models.html", **_shown(page=_page("without")))
    assert "kept no figures of what it looks at" in shown
    assert champion_looks(settings, ModelsPage([], [], [])) is None


def test_dots_of_one_reason_lie_in_one_row_and_in_the_same_place_on_each_look() -> None:
    first, again = (attributions_chart(FIGURES).option["series"][0]["data"] for _ in range(2))
    assert first == again
    rows = [round(dot["value"][1]) for dot in first]
    assert rows == [2, 1, 2, 1]


@pytest.fixture
def session() -> Iterator[Session]:
    with Session(empty_tables()) as opened:
        yield opened


def _ask(session: Session, task: dict[str, Any], question: dict[str, Any]) -> None:
    ti_id = uuid4()
    about = {"dag_id": "model_selection", "task_id": "await_approval", "run_id": "manual__1", "map_index": -1}
    fixed = {"id": ti_id, "pool": "default_pool", "pool_slots": 1, "max_tries": 0, "try_number": 1}
    session.execute(sa.insert(TaskInstance.__table__), [{**about, **fixed, "state": "awaiting_input", **task}])
    asked = {"ti_id": ti_id, "options": ["Approve"], "subject": "promote?", "multiple": False, "params": {}}
    made = {"created_at": datetime(1994, 2, 1, tzinfo=UTC), "params_input": {}}
    session.execute(sa.insert(HITLDetail.__table__), [{**asked, **made, **question}])


def test_a_question_that_waits_is_linked_with_the_people_who_may_answer(session) -> None:
    _ask(session, {}, {"assignees": [{"id": "ada", "name": "Ada <b>"}, {"id": "max", "name": ""}]})
    _ask(session, {"run_id": "manual__2"}, {"responded_at": datetime(1994, 2, 2, tzinfo=UTC)})
    _ask(session, {"run_id": "manual__3", "dag_id": "another"}, {})
    _ask(session, {"run_id": "manual__4", "state": "failed"}, {})
    (question,) = questions(session)
    assert question.people == ("Ada <b>", "max")
    assert question.address == "/dags/model_selection/runs/manual__1/tasks/await_approval/required_actions"
    shown = render("models.html", **_shown(questions=[question], airflow="/airflow"))
    assert f'href="/airflow{question.address}"' in shown
    assert "May answer: Ada &lt;b&gt;, max." in shown


def test_where_nobody_is_named_whoever_may_edit_the_dag_answers(session) -> None:
    _ask(session, {}, {})
    shown = render("models.html", **_shown(questions=questions(session)))
    assert "Whoever may edit the DAG may answer" in shown
