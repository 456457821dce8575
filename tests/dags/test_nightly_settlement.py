"""The nightly DAG as Airflow parses it."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from dags.nightly_settlement import nightly_settlement
from include.orchestration import DEFAULT_ARGS, PUBLISHED_NIGHT, Tag
from include.settings import PROJECT_ROOT


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
        "report",
    ]
    assert [task.task_id for task in dag.topological_sort()] == order
    assert all(
        task.downstream_task_ids == {after} for task, after in zip(dag.topological_sort(), order[1:], strict=False)
    )


def test_its_documentation_says_what_a_person_on_call_needs(dag):
    for heading in (
        "Purpose",
        "Inputs",
        "Outputs",
        "Params",
        "What a retry does",
        "Impact of a failure",
        "How to triage",
    ):
        assert f"**{heading}.**" in dag.doc_md


def test_every_task_says_what_it_does(dag):
    assert all(task.python_callable.__doc__ for task in dag.tasks)


def test_nights_run_one_at_a_time_and_never_by_themselves_for_the_past(dag):
    assert (dag.max_active_runs, dag.catchup) == (1, False)


def test_every_task_is_tried_again_with_growing_pauses(dag):
    for task in dag.tasks:
        assert task.retries == DEFAULT_ARGS["retries"] == 3
        assert task.retry_delay == timedelta(seconds=30)
        assert task.retry_exponential_backoff == 2.0


def test_publication_announces_the_night(dag):
    assert {task.task_id for task in dag.tasks if PUBLISHED_NIGHT in task.outlets} == {"publish"}


def test_it_is_found_by_its_tags(dag):
    assert dag.tags == {Tag.SETTLEMENT, Tag.NIGHTLY}


def test_every_param_is_described_and_may_be_left_out(dag):
    for param in dag.params.dump():
        declared = dag.params.get_param(param)
        assert declared.description
        assert declared.resolve() is None


@pytest.mark.parametrize("date", ["1994-01-31x", "31.1.1994", "'; drop table", ""])
def test_a_date_that_is_written_otherwise_is_refused_by_the_form(dag, date):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dag.params.get_param("date").resolve(date)


_PARSE = """
import sys
touched = []
def watch(event, arguments):
    if event in ("socket.connect", "sqlite3.connect", "subprocess.Popen"):
        touched.append((event, arguments))
import airflow.sdk, airflow.timetables.interval
sys.addaudithook(watch)
import dags.nightly_settlement, plugins.settlement_console.plugin
heavy = {"pandas", "pyarrow", "duckdb", "sklearn", "torch", "shap", "great_expectations", "mlflow", "pyiceberg"}
print(sorted(heavy & set(sys.modules)), touched)
"""


def test_parsing_loads_nothing_heavy_and_reaches_for_nothing():
    found = subprocess.run([sys.executable, "-c", _PARSE], capture_output=True, text=True, cwd=PROJECT_ROOT, check=True)
    assert found.stdout.strip().splitlines()[-1] == "[] []"


def test_linter_refuses_a_heavy_import_at_the_top_of_a_dag_file():
    source = "import pandas as pd\n\nprint(pd)\n"
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID253", "--stdin-filename"]
    in_dags = subprocess.run(
        [*command, "dags/any.py", "-"], input=source, text=True, capture_output=True, cwd=PROJECT_ROOT
    )
    in_include = subprocess.run(
        [*command, "include/any.py", "-"], input=source, text=True, capture_output=True, cwd=PROJECT_ROOT
    )
    assert "TID253" in in_dags.stdout
    assert in_include.returncode == 0
