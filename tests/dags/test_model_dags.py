"""The models' DAGs: who may follow whom, and what runs to the end when candidates fail or nothing is better."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import TriggerRule

from dags.champion_rollback import champion_rollback
from dags.model_selection import model_selection
from dags.online_learning import online_learning
from include import learning, orchestration, selection
from include.errors import SettingsError
from include.orchestration import (
    APPROVE,
    CHAMPION,
    DECISION_DAYS,
    LAST_REFRESH,
    PUBLISHED_NIGHT,
    SELECTION_WANTED,
)
from include.selection import CandidateError, SelectionError
from include.settings import get_settings
from tests.dags.runs import played

CHALLENGER, REASON = "contrast-00000000000000aa", "it was stopped after the 300 seconds it may take"
COMPARED_WITH = "rarity-00000000000000bb"


def test_a_selection_reads_as_its_table_of_contents():
    dag = model_selection()
    after = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert after == {
        "prepare": {"name_candidates", "compare"},
        "name_candidates": {"try_candidate"},
        "try_candidate": {"all_tried"},
        "all_tried": {"compare"},
        "compare": {"decide_who_decides"},
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
    assert dag.params.get_param("which").resolve() == LAST_REFRESH
    for reason in ("", "x" * 1001):
        with pytest.raises(ParamValidationError):
            dag.params.get_param("why").resolve(reason)
    with pytest.raises(ParamValidationError):
        dag.params.get_param("which").resolve("everything")


class _Rooms:
    """The rooms that tasks call, with what they were asked for; their own tests are elsewhere."""

    def __init__(self, monkeypatch, lake: str) -> None:
        self.lake, self.monkeypatch = lake, monkeypatch
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

    def compare(self, lake_uri, source_uri, selection_id, dag_id):
        if self.candidates and self.failing >= set(self.candidates):
            raise SelectionError(f"no candidate is left to compare ({REASON})")
        challenger = CHALLENGER if self.candidates else None
        found = {"selection": "first", "champion": COMPARED_WITH, "is_better": self.is_better, "markdown": "as found"}
        found = {**found, "challenger": challenger, "verdict": "it is better"}
        return selection.Decisions(lake_uri, dag_id, selection_id).keep_found(found)

    def promote(self, lake_uri, version, **said):
        self.asked.append(("promote", {"version": version, **said}))
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
def rooms(monkeypatch, tmp_path, database, places) -> _Rooms:
    lake = f"file:{tmp_path / 'lake'}"
    monkeypatch.setenv("ADS_LAKES", json.dumps({"trial": lake, "sandbox": "file:/sandbox"}))
    get_settings.cache_clear()
    return _Rooms(monkeypatch, lake)


@pytest.fixture
def allowed(monkeypatch) -> Iterator[None]:
    """An installation that allows promotions without asking."""
    monkeypatch.setenv("ADS_HEADLESS_APPROVAL", "true")
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


def _selected(**conf: Any) -> SimpleNamespace:
    return played(model_selection(), **{"before": "1994-01-26", **conf})


def _response(chosen: str, by: str | None) -> dict[str, Any]:
    """What Airflow resumes a task with that was answered."""
    user = {"id": by, "name": by} if by else None
    event = {"chosen_options": [chosen], "params_input": {}, "responded_at": datetime(2024, 1, 1, tzinfo=UTC)}
    return {**event, "responded_by_user": user, "timedout": by is None}


@pytest.fixture
def answered(monkeypatch):
    """Let the question be answered as it is asked; what the operator makes of the answer is its own."""

    def answer(chosen: str, by: str | None) -> None:
        event = _response(chosen, by)
        monkeypatch.setattr(ApprovalOperator, "execute", lambda self, context: self.execute_complete(context, event))

    return answer


def test_an_approved_challenger_follows_the_champion_it_was_compared_with(rooms, answered):
    answered(ApprovalOperator.APPROVE, "ada")
    run = _selected()
    assert (run.state, run.states["promote", -1]) == ("success", "success")
    ((what, said),) = rooms.asked
    assert said.pop("decision").endswith("2024-01-01 00:00:00+00:00")
    assert said.pop("run").startswith("model_selection/")
    assert (what, said) == (
        "promote",
        {"version": CHALLENGER, "champion": COMPARED_WITH, "by": "ada", "why": "it is better"},
    )
    assert ApprovalOperator.APPROVE == APPROVE


@pytest.mark.parametrize(("people", "named"), [("{}", []), ('{"ada": "Ada L."}', [{"id": "ada", "name": "Ada L."}])])
def test_the_question_names_those_who_may_answer(rooms, answered, monkeypatch, request, people, named):
    from airflow.models.hitl import HITLDetail
    from airflow.utils.session import create_session
    from sqlalchemy import select

    monkeypatch.setenv("ADS_PROMOTION_APPROVERS", people)
    get_settings.cache_clear()
    request.addfinalizer(get_settings.cache_clear)
    answered(ApprovalOperator.APPROVE, "ada")
    _selected()
    with create_session() as session:
        newest = session.scalars(select(HITLDetail).order_by(HITLDetail.created_at.desc()).limit(1)).one()
        assert newest.assigned_users == named


@pytest.mark.parametrize("by", ["ada", None])
def test_refused_or_unanswered_the_champion_stays_and_the_run_ends_well(rooms, answered, by):
    answered(ApprovalOperator.REJECT, by)
    run = _selected()
    assert (run.state, run.states["await_approval", -1], run.states["promote", -1]) == ("success", "success", "skipped")
    assert rooms.asked == []


@pytest.mark.parametrize("is_allowed", [False, True])
def test_marking_the_question_as_done_approves_nothing(rooms, is_allowed, request):
    if is_allowed:
        request.getfixturevalue("allowed")
    run = _selected(marked="await_approval")
    assert (run.state, run.states["await_approval", -1], run.states["promote", -1]) == ("failed", "success", "failed")
    assert "SettingsError: nobody answered 'Approve'" in "".join(run.sentences)
    assert rooms.asked == []


def _write_xcom(run_id: str, task_id: str, value: dict[str, Any]) -> None:
    """As Airflow's API does for whoever has the role *user*."""
    from airflow.models.xcom import XComModel

    XComModel.set("return_value", value, dag_id="model_selection", task_id=task_id, run_id=run_id)


FORGED_FINDING = {
    "selection": "first",
    "champion": COMPARED_WITH,
    "challenger": CHALLENGER,
    "is_better": True,
    "verdict": "it is better",
    "markdown": "as found",
}
FORGED_ANSWER = {
    "chosen_options": ["Approve"],
    "responded_by_user": {"id": "1", "name": "admin"},
    "params_input": {},
    "responded_at": "2024-01-01T00:00:00+00:00",
}


@pytest.mark.parametrize(
    ("marked", "states", "sentence"),
    [
        ("compare|await_approval", "failed", "the lake holds no comparison of this run"),
        ("compare|decide_who_decides|await_approval", "failed", "the lake holds no comparison of this run"),
        ("await_approval", "failed", "nobody answered 'Approve'"),
    ],
)
def test_a_comparison_and_an_answer_written_by_hand_promote_nothing(rooms, marked, states, sentence):
    def forged(source_uri, lake_uri, before, selection_id):
        _write_xcom(selection_id, "compare", FORGED_FINDING)
        _write_xcom(selection_id, "await_approval", FORGED_ANSWER)
        return rooms.prepare(source_uri, lake_uri, before, selection_id)

    rooms.monkeypatch.setattr(selection, "prepare", forged)
    run = _selected(marked=marked)
    assert rooms.asked == []
    assert run.state == states
    assert sentence in "".join(run.sentences)


def test_what_is_asked_is_what_the_lake_holds(rooms, monkeypatch):
    shown = []

    def compared(*place):
        found = rooms.compare(*place)
        _write_xcom(place[2], "compare", {**FORGED_FINDING, "verdict": "trust me"})
        return {**found, "verdict": "trust me"}

    def ask(self, context):
        shown.append((self.subject, self.body))
        return self.execute_complete(context, _response(ApprovalOperator.REJECT, "ada"))

    monkeypatch.setattr(selection, "compare", compared)
    monkeypatch.setattr(ApprovalOperator, "execute", ask)
    assert _selected().state == "success"
    ((subject, body),) = shown
    assert subject == f"it is better: promote {CHALLENGER}?"
    assert body.startswith("as found")


def test_an_answer_to_another_comparison_promotes_nothing(rooms, monkeypatch):
    def ask(self, context):
        # Somebody clears the comparison alone while the question waits.
        rooms.compare(rooms.lake, "", context["run_id"], "model_selection")
        return self.execute_complete(context, _response(ApprovalOperator.APPROVE, "ada"))

    monkeypatch.setattr(ApprovalOperator, "execute", ask)
    run = _selected()
    assert rooms.asked == []
    assert "nobody answered 'Approve'" in "".join(run.sentences)


def test_a_headless_run_needs_the_installations_leave_and_ends_before_anything_is_compared(rooms):
    run = _selected(approve_headlessly=True)
    assert (run.state, run.states["prepare", -1]) == ("failed", "failed")
    assert "ADS_HEADLESS_APPROVAL=true" in run.sentences[0]
    assert rooms.asked == []


def test_a_model_from_somebodys_own_data_does_not_come_into_the_installations_lake(rooms, allowed):
    run = _selected(approve_headlessly=True, lake="default")
    assert (run.state, run.states["prepare", -1]) == ("failed", "failed")
    assert "from its own source only" in run.sentences[0]
    assert rooms.asked == []


def test_a_failed_candidate_is_out_and_the_rest_is_compared_and_promoted_headlessly(rooms, allowed):
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
    run = _selected()
    assert (run.state, run.states["compare", -1]) == ("failed", "failed")
    assert f"SelectionError: no candidate is left to compare ({REASON})" in run.sentences
    assert rooms.asked == []


def test_where_nothing_is_better_nobody_is_asked_and_nothing_promoted(rooms):
    rooms.is_better = False
    run = _selected()
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
    run = _selected()
    assert run.state == "failed"
    assert (run.states["compare", -1], run.states["promote", -1]) == ("upstream_failed", "upstream_failed")
    assert run.sentences == ["SettingsError: no such bank"]


def test_a_lake_without_a_champion_keeps_no_other_lake_from_learning(rooms, monkeypatch):
    nights = [
        orchestration.PublishedNight(date(1994, 1, day), {"source": "default", "lake": lake})
        for day, lake in ((4, "sandbox"), (5, "default"))
    ]
    monkeypatch.setattr(orchestration, "published_nights", lambda context: nights)
    monkeypatch.setattr(selection, "history", lambda lake_uri: [] if "sandbox" in lake_uri else [{}])
    taught = []
    monkeypatch.setattr(learning, "learn", lambda lake_uri, night: taught.append((lake_uri, night.day)) or {})
    played(online_learning(), marked="watch|ask_for_selection")
    assert taught == [("file:/sandbox", 4), ("file:/lake", 5)]


def test_a_rollback_of_the_champion_deposes_the_one_that_was_looked_at(rooms):
    assert played(champion_rollback(), which=CHAMPION, why="too loud").state == "success"
    ((what, said),) = rooms.asked
    assert what == "rollback"
    assert (said["champion"], said["why"]) == (CHALLENGER, "too loud")
    assert said["by"]
    assert said["run"].startswith("champion_rollback/")


def test_a_look_that_is_written_by_hand_takes_nothing_back(rooms):
    run = played(champion_rollback(), which=CHAMPION, why="too loud", marked="look")
    assert run.state == "failed"
    assert "marking `look` as done is no look" in run.sentences[0]
    assert rooms.asked == []


def test_a_rollback_of_learning_takes_back_the_newest_night_in_force(rooms):
    rooms.updates = [
        {"night": "1994-01-05", "accepted": False, "rolled_back_by": ""},
        {"night": "1994-01-04", "accepted": True, "rolled_back_by": "ada"},
        {"night": "1994-01-03", "accepted": True, "rolled_back_by": ""},
    ]
    assert played(champion_rollback(), why="poisoned").state == "success"
    ((what, said),) = rooms.asked
    assert (what, said["night"].isoformat(), said["why"]) == ("rollback_learning", "1994-01-03", "poisoned")


def test_a_rollback_of_learning_with_nothing_in_force_says_so(rooms):
    run = played(champion_rollback(), why="poisoned")
    assert run.state == "failed"
    assert run.sentences == [f"SettingsError: {CHALLENGER} is champion and nothing it learned is in force"]
