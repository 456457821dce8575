"""The models' DAGs: who may follow whom, and what runs to the end when candidates fail or nothing is better."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import TriggerRule

from dags.champion_rollback import champion_rollback
from dags.model_selection import model_selection
from dags.online_learning import online_learning
from include import learning, selection
from include.errors import SettingsError
from include.orchestration import (
    CHAMPION,
    DECISION_DAYS,
    FAILURE,
    LAST_LEARNING,
    PUBLISHED_NIGHT,
    SELECTION_WANTED,
)
from include.selection import CandidateError, SelectionError

CHALLENGER, REASON = "contrast-00000000000000aa", "it was stopped after the 300 seconds it may take"


def test_a_selection_reads_as_its_table_of_contents():
    dag = model_selection()
    after = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert after == {
        "prepare": {"name_candidates", "compare"},
        "name_candidates": {"try_candidate"},
        "try_candidate": {"all_tried"},
        "all_tried": {"compare"},
        "compare": {"decide_who_decides", "promote"},
        "decide_who_decides": {"await_approval", "promote"},
        "await_approval": {"promote"},
        "promote": set(),
    }
    assert dag.get_task("all_tried").trigger_rule == TriggerRule.ALL_DONE


def test_a_selection_runs_on_sundays_and_when_somebody_wants_one_and_does_not_make_up_for_the_past():
    timetable = model_selection().timetable
    assert timetable.asset_condition == SELECTION_WANTED
    assert timetable.timetable.expression == "0 4 * * SUN"
    assert model_selection().start_date is None


def test_nobody_answering_leaves_the_champion_and_ends_before_the_run_is_given_up():
    dag = model_selection()
    approval = dag.get_task("await_approval")
    assert approval.defaults == ["Reject"]
    assert approval.response_timeout.days == DECISION_DAYS
    assert approval.response_timeout < dag.dagrun_timeout
    assert not approval.fail_on_reject


def test_learning_follows_publication_and_may_ask_for_a_selection():
    dag = online_learning()
    assert dag.timetable.asset_condition.objects == (PUBLISHED_NIGHT,)
    assert {task.task_id for task in dag.tasks if SELECTION_WANTED in task.outlets} == {"ask_for_selection"}
    # Drift is watched whether or not there was something to learn.
    assert dag.get_task("watch").upstream_task_ids == set()


def test_a_rollback_runs_when_somebody_asks_and_needs_a_reason():
    from airflow.sdk.exceptions import ParamValidationError

    dag = champion_rollback()
    assert not dag.timetable.can_be_scheduled
    assert dag.is_paused_upon_creation is False
    assert dag.params.get_param("which").resolve() == LAST_LEARNING
    for reason in ("", "x" * 1001):
        with pytest.raises(ParamValidationError):
            dag.params.get_param("why").resolve(reason)
    with pytest.raises(ParamValidationError):
        dag.params.get_param("which").resolve("everything")


@pytest.fixture(scope="module")
def _database():
    from airflow.utils.db import initdb

    initdb()


class _Rooms:
    """The rooms that tasks call, with what they were asked for; their own tests are elsewhere."""

    def __init__(self, monkeypatch) -> None:
        self.candidates = ["rarity", "contrast", "lstm"]
        self.failing = {"contrast"}
        self.is_better = True
        self.updates: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        for name in ("prepare", "try_candidate", "compare", "promote", "rollback", "history"):
            monkeypatch.setattr(selection, name, getattr(self, name))
        monkeypatch.setattr(learning, "updates", lambda lake_uri: self.updates)
        monkeypatch.setattr(learning, "rollback_learning", self.rollback_learning)

    def prepare(self, source_uri, lake_uri, before, selection_id):
        return {"candidates": self.candidates, "before": before.isoformat(), "note": "as planned"}

    def try_candidate(self, lake_uri, selection_id, name):
        if name in self.failing:
            raise CandidateError(f"candidate {name} is out: {REASON}")
        return {"candidate": name, "seconds": 1.0, "peak_mib": 100.0}

    def compare(self, lake_uri, source_uri, selection_id):
        if self.candidates and self.failing >= set(self.candidates):
            raise SelectionError(f"no candidate is left to compare ({REASON})")
        challenger = CHALLENGER if self.candidates else None
        return {"challenger": challenger, "is_better": self.is_better, "verdict": "it is better", "markdown": ""}

    def promote(self, lake_uri, version, *, by, why):
        self.asked.append(("promote", {"version": version, "by": by, "why": why}))
        return {"champion": version, "before": None}

    def history(self, lake_uri):
        return [{"version": CHALLENGER}, {"version": "rarity-00000000000000bb"}]

    def rollback(self, lake_uri, **said):
        self.asked.append(("rollback", said))
        return {"champion": "rarity-00000000000000bb", "before": CHALLENGER}

    def rollback_learning(self, lake_uri, **said):
        self.asked.append(("rollback_learning", said))
        return {"base": CHALLENGER, "rolled_back": [said["night"].isoformat()], "in_force": CHALLENGER}


@pytest.fixture
def rooms(monkeypatch, _database) -> _Rooms:
    return _Rooms(monkeypatch)


def _played(dag, **conf: Any) -> SimpleNamespace:
    """A run of the DAG in this process: its state, its tasks' states, and the sentences they left."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    dag.default_args = {}
    for task in dag.tasks:
        task.retries = 0
    run = dag.test(run_conf={"lake": "file:/lake", "source": "file:/bank", **conf})
    with create_session() as session:
        left = session.scalars(XComModel.get_many(run_id=run.run_id, key=FAILURE, dag_ids=run.dag_id)).all()
        sentences = [XComModel.deserialize_value(xcom) for xcom in left]
    states = {(ti.task_id, ti.map_index): str(ti.state) for ti in run.get_task_instances()}
    return SimpleNamespace(state=run.state, states=states, sentences=sentences)


def _selected(**conf: Any) -> SimpleNamespace:
    return _played(model_selection(), before="1994-01-26", **conf)


def test_a_failed_candidate_is_out_and_the_rest_is_compared_and_promoted_headlessly(rooms):
    run = _selected(approve_headlessly=True)
    assert run.state == "success"
    assert [run.states["try_candidate", place] for place in range(3)] == ["success", "failed", "success"]
    assert (run.states["await_approval", -1], run.states["promote", -1]) == ("skipped", "success")
    ((_, promoted),) = rooms.asked
    assert promoted["version"] == CHALLENGER
    assert promoted["by"].endswith("(approve_headlessly)")
    assert run.sentences == [f"CandidateError: candidate contrast is out: {REASON}"]


def test_when_all_candidates_fail_the_comparison_says_so(rooms):
    rooms.failing = set(rooms.candidates)
    run = _selected(approve_headlessly=True)
    assert (run.state, run.states["compare", -1]) == ("failed", "failed")
    assert f"SelectionError: no candidate is left to compare ({REASON})" in run.sentences
    assert rooms.asked == []


def test_where_nothing_is_better_nobody_is_asked_and_nothing_promoted(rooms):
    rooms.is_better = False
    run = _selected(approve_headlessly=True)
    assert run.state == "success"
    assert (run.states["await_approval", -1], run.states["promote", -1]) == ("skipped", "skipped")
    assert rooms.asked == []


def test_a_history_too_short_names_no_candidate_and_ends_well(rooms):
    rooms.candidates, rooms.is_better = [], False
    run = _selected()
    assert (run.state, run.states["compare", -1], run.states["promote", -1]) == ("success", "success", "skipped")


def test_where_the_preparation_fails_nothing_follows(rooms, monkeypatch):
    def fail(*_):
        raise SettingsError("no such bank")

    monkeypatch.setattr(selection, "prepare", fail)
    run = _selected(approve_headlessly=True)
    assert run.state == "failed"
    assert (run.states["compare", -1], run.states["promote", -1]) == ("upstream_failed", "upstream_failed")
    assert run.sentences == ["SettingsError: no such bank"]


def test_a_rollback_of_the_champion_deposes_the_one_that_was_looked_at(rooms):
    assert _played(champion_rollback(), which=CHAMPION, why="too loud").state == "success"
    ((what, said),) = rooms.asked
    assert what == "rollback"
    assert (said["champion"], said["why"]) == (CHALLENGER, "too loud")
    assert said["by"]


def test_a_rollback_of_learning_takes_back_the_newest_night_in_force(rooms):
    rooms.updates = [
        {"night": "1994-01-05", "accepted": False, "rolled_back_by": ""},
        {"night": "1994-01-04", "accepted": True, "rolled_back_by": "ada"},
        {"night": "1994-01-03", "accepted": True, "rolled_back_by": ""},
    ]
    assert _played(champion_rollback(), why="poisoned").state == "success"
    ((what, said),) = rooms.asked
    assert (what, said["night"].isoformat(), said["why"]) == ("rollback_learning", "1994-01-03", "poisoned")


def test_a_rollback_of_learning_with_nothing_in_force_says_so(rooms):
    run = _played(champion_rollback(), why="poisoned")
    assert run.state == "failed"
    assert run.sentences == [f"SettingsError: {CHALLENGER} is champion and nothing it learned is in force"]
