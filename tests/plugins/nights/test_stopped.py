"""Which nights stopped, as Airflow's runs have it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from airflow.models.dagrun import DagRun
from sqlalchemy import insert
from sqlalchemy.orm import Session

from plugins.settlement_console.nights.stopped import newest_runs
from tests.plugins.airflow_tables import empty_tables

AT = datetime(1994, 2, 1, 2, tzinfo=UTC)


@pytest.fixture
def session() -> Iterator[Session]:
    with Session(empty_tables()) as opened:
        yield opened


def _run(session: Session, number: int, state: str, conf: Any, dag_id: str = "nightly_settlement") -> None:
    row = {"id": number, "dag_id": dag_id, "run_id": f"run{number}", "run_type": "manual", "run_after": AT}
    row |= {"created_at": AT, "log_template_id": 1, "clear_number": 0, "span_status": "x"}
    session.execute(insert(DagRun.__table__).values(**row, state=state, conf=conf))


def test_the_newest_run_of_each_night_counts(session: Session) -> None:
    _run(session, 1, "failed", {"date": "1994-01-30"})
    _run(session, 2, "success", {"date": "1994-01-30"})
    _run(session, 3, "running", {"date": "1994-01-31"})
    found = {night: (run.run_id, run.has_stopped, run.is_under_way) for night, run in newest_runs(session).items()}
    assert found == {date(1994, 1, 30): ("run2", False, False), date(1994, 1, 31): ("run3", False, True)}


def test_runs_of_other_lakes_of_no_date_and_of_other_dags_do_not_count(session: Session) -> None:
    _run(session, 1, "failed", {"date": "1994-01-30", "lake": "another"})
    _run(session, 2, "failed", {"date": "yesterday"})
    _run(session, 3, "failed", {"date": "1994-01-30"}, "online_learning")
    assert newest_runs(session) == {}


def test_a_run_without_a_date_is_about_the_day_before_it(session: Session) -> None:
    _run(session, 1, "failed", {})
    assert list(newest_runs(session)) == [date(1994, 1, 31)]
