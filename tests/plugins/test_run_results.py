"""What is read of Airflow's records: bounded, of the expected kind, and which lakes a run is about."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-tests-"))

from airflow.models.asset import AssetEvent, association_table
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from sqlalchemy import insert
from sqlalchemy.orm import Session

from include.orchestration import FAILURE
from plugins.settlement_console import run_results
from plugins.settlement_console.run_results import MOST_CHARACTERS, RETURNED, Run, results_of
from tests.plugins.airflow_tables import empty_tables

MADE = datetime(1994, 2, 1, 2, tzinfo=UTC)
RUN = {"dag_id": "nightly_settlement", "run_id": "manual__1"}


@pytest.fixture
def session() -> Iterator[Session]:
    """Airflow's tables, as far as a run's page looks into them, with one run."""
    with Session(empty_tables()) as opened:
        run = {**RUN, "run_type": "manual", "run_after": MADE, "created_at": MADE, "log_template_id": 1, "id": 1}
        opened.execute(insert(DagRun.__table__).values(**run, state="success", clear_number=0, span_status="x"))
        yield opened


def _leave(session: Session, task_id: str, value: Any, key: str = RETURNED, at: int = 0) -> None:
    row = {**RUN, "dag_run_id": 1, "task_id": task_id, "key": key, "map_index": -1}
    session.execute(insert(XComModel.__table__).values(**row, value=json.dumps(value), timestamp=_later(at)))


def _later(seconds: int) -> datetime:
    return MADE + timedelta(seconds=seconds)


def test_what_is_no_object_is_no_figures_and_what_is_no_text_no_sentence(session):
    for at, value in enumerate(({"rows_in": 7}, "x", 7, [1], None, {"__classname__": "os.system", "__version__": 1})):
        _leave(session, f"task{at}", value, at=at)
    _leave(session, "validate", {"a": 1}, key=FAILURE)
    _leave(session, "score", "it failed", key=FAILURE)
    found = results_of(session, **RUN)
    assert (found.returned, found.failures) == ({"task0": {"rows_in": 7}}, [("score", "it failed")])


def test_what_is_long_or_under_another_key_is_not_fetched(session, monkeypatch):
    monkeypatch.setattr(run_results, "MOST_VALUES", 2)
    _leave(session, "long", {"a": "x" * MOST_CHARACTERS}, at=9)
    _leave(session, "another", {"a": 1}, key="another", at=9)
    for at in (1, 3, 2):
        _leave(session, f"task{at}", {"at": at}, at=at)
    # The newest, in the order in which they were left.
    assert [task_id for task_id, _, _ in results_of(session, **RUN).values] == ["task2", "task3"]


def test_a_run_that_an_event_triggered_is_about_the_events_lake(session):
    assert results_of(session, **RUN).run.lakes == {"default"}
    event = {"id": 1, "asset_id": 1, "extra": {"lake": "trial"}, "source_map_index": -1, "timestamp": MADE}
    session.execute(insert(AssetEvent.__table__).values(**event))
    session.execute(insert(association_table).values(dag_run_id=1, event_id=1))
    assert results_of(session, **RUN).run.lakes == {"trial"}


def test_there_is_no_such_run(session):
    assert results_of(session, "nightly_settlement", "never") is None


@pytest.mark.parametrize(
    ("conf", "events", "lakes"),
    [
        ({"lake": "trial"}, [{"lake": "sandbox"}], {"trial"}),
        ({"lake": None}, [{"lake": "sandbox"}, {}, "x"], {"sandbox", "default"}),
        (None, [], {"default"}),
        ([], [], {"default"}),
        ({"lake": ["trial"]}, [], {"['trial']"}),
    ],
)
def test_params_name_a_runs_lake_before_its_events_do(conf, events, lakes):
    airflows = {
        "state": "running",
        "data_interval_start": None,
        "run_after": MADE,
        "created_at": None,
        "end_date": None,
    }
    run = Run.of(SimpleNamespace(**RUN, **airflows, conf=conf), events)
    assert (run.lakes, run.night, run.is_running) == (lakes, "1994-01-31", True)
    assert run.lasted_at(MADE)
    assert not run.lasted_at(MADE - timedelta(days=1))
