"""The nightly DAG as Airflow parses it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dags.nightly_settlement import nightly_settlement
from include.orchestration import DEFAULT_ARGS, PUBLISHED_NIGHT


@pytest.fixture(scope="module")
def dag():
    return nightly_settlement()


def test_it_reads_as_the_table_of_contents_of_a_night(dag):
    order = [
        "await_earlier_nights",
        "extract",
        "restate_late_nights",
        "validate",
        "check_settlement",
        "score",
        "publish",
        "export_extracts",
        "report",
    ]
    assert [task.task_id for task in dag.topological_sort()] == order
    assert all(
        task.downstream_task_ids == {after} for task, after in zip(dag.topological_sort(), order[1:], strict=False)
    )


def test_nights_run_one_at_a_time_and_never_by_themselves_for_the_past(dag):
    assert (dag.max_active_runs, dag.catchup) == (1, False)


def test_every_task_is_tried_again_with_growing_pauses(dag):
    for task in dag.tasks:
        assert task.retries == DEFAULT_ARGS["retries"] == 3
        assert task.retry_delay == timedelta(seconds=30)
        assert task.retry_exponential_backoff == 2.0


def test_publication_announces_the_night(dag):
    assert {task.task_id for task in dag.tasks if PUBLISHED_NIGHT in task.outlets} == {"publish"}


def test_a_published_night_is_reported_without_its_extract(dag):
    assert dag.get_task("report").trigger_rule == "none_failed"
    assert dag.get_task("report").upstream_task_ids == {"export_extracts"}


def test_every_param_may_be_left_out(dag):
    assert all(dag.params.get_param(param).resolve() is None for param in dag.params.dump())


@pytest.mark.parametrize("date", ["1994-01-31x", "31.1.1994", "'; drop table", ""])
def test_a_date_that_is_written_otherwise_is_refused_by_the_form(dag, date):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dag.params.get_param("date").resolve(date)
