"""What holds of every DAG as Airflow parses it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from copy import deepcopy

import pytest

from include import dag_ids
from include.orchestration import DEFAULT_ARGS, Tag
from include.settings import PROJECT_ROOT

DAG_IDS = sorted(file.stem for file in (PROJECT_ROOT / "dags").glob("[a-z]*.py"))


@pytest.fixture(scope="module", params=DAG_IDS)
def dag(request):
    return getattr(importlib.import_module(f"dags.{request.param}"), request.param)()


def test_there_are_dags():
    named = {value for name, value in vars(dag_ids).items() if name.isupper()}
    assert named == set(DAG_IDS)
    assert named == {
        "nightly_settlement",
        "model_selection",
        "online_learning",
        "champion_rollback",
        "athena_deployment",
        "key_rotation",
        "lake_maintenance",
        "alerting",
    }


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
    for task in dag.tasks:
        assert task.python_callable.__doc__ if hasattr(task, "python_callable") else task.doc


def test_it_runs_one_at_a_time_and_never_by_itself_for_the_past(dag):
    assert (dag.max_active_runs, dag.catchup) == (1, False)


def test_every_task_is_tried_again_after_what_may_pass(dag):
    assert {task.retries for task in dag.tasks} == {DEFAULT_ARGS["retries"]}


def test_every_task_that_works_ends_before_its_run_does(dag):
    working = [task for task in dag.tasks if hasattr(task, "python_callable")]
    assert working
    assert all(task.execution_timeout < dag.dagrun_timeout for task in working)


def test_it_is_found_by_its_tags(dag):
    assert Tag.SETTLEMENT in dag.tags
    assert dag.tags <= set(Tag)


def test_every_param_has_a_title_and_a_description(dag):
    for param in dag.params.dump():
        declared = dag.params.get_param(param)
        assert declared.description
        assert declared.schema["title"]


@pytest.mark.parametrize(
    "address", ["file:/etc", "/etc/passwd", "mysql+pymysql://u@127.0.0.1/x?local_infile=1", "s3://b"]
)
def test_a_place_is_a_name_and_an_address_is_refused_before_a_run_is_made(dag, address):
    from airflow.sdk.exceptions import ParamValidationError

    for kind in {"source", "lake"} & set(dag.params):
        # A param keeps what it was given last.
        declared = deepcopy(dag.params.get_param(kind))
        assert [declared.resolve(name) for name in (None, "default", "trial-2")] == [None, "default", "trial-2"]
        with pytest.raises(ParamValidationError):
            declared.resolve(address)


_PARSE = """
import sys
touched = []
def watch(event, arguments):
    if event in ("socket.connect", "sqlite3.connect", "subprocess.Popen"):
        touched.append((event, arguments))
import airflow.sdk, airflow.timetables.interval
import airflow.providers.standard.operators.hitl, airflow.providers.standard.operators.empty
sys.addaudithook(watch)
import {dags}, plugins.settlement_console.plugin
heavy = {{"pandas", "pyarrow", "duckdb", "sklearn", "torch", "shap", "great_expectations", "mlflow", "pyiceberg"}}
print(sorted(heavy & set(sys.modules)), touched)
"""


def test_parsing_loads_nothing_heavy_and_reaches_for_nothing():
    code = _PARSE.format(dags=", ".join(f"dags.{dag_id}" for dag_id in DAG_IDS))
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_ROOT, check=True)
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
