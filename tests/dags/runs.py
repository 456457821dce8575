"""Runs of a DAG in the tests' own process."""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace
from typing import Any

from include.orchestration import FAILURE


def played(dag: Any, marked: str | None = None, **conf: Any) -> SimpleNamespace:
    """A run of the DAG in this process: its state, its tasks' states, the sentences they left and what they returned.

    A task that is marked is not run but set to success, as somebody may in the UI.
    """
    dag.default_args = {}
    # A question fills in the run's params where they are declared, for all DAGs; elsewhere its process ends with it.
    dag.params = deepcopy(dag.params)
    for task in dag.tasks:
        task.retries = 0
    run = dag.test(
        run_conf={"lake": "trial", **({"source": "trial"} if "source" in dag.params else {}), **conf},
        mark_success_pattern=marked,
    )
    states = {(ti.task_id, ti.map_index): str(ti.state) for ti in run.get_task_instances()}
    sentences = [value for _, value in _left(run, FAILURE)]
    return SimpleNamespace(
        state=run.state, states=states, sentences=sentences, returned=dict(_left(run, "return_value"))
    )


def _left(run: Any, key: str) -> list[tuple[str, Any]]:
    """What tasks of a run left under a key, by their ids."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        left = session.scalars(XComModel.get_many(run_id=run.run_id, key=key, dag_ids=run.dag_id)).all()
        return [(xcom.task_id, XComModel.deserialize_value(xcom)) for xcom in left]
