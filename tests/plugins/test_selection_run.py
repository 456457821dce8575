"""One selection in a real Airflow: it waits for a person, who is the only one that may promote, and has a way back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.plugins.conftest import Console
from tests.served import PATIENCE_SECONDS

pytestmark = [pytest.mark.airflow, pytest.mark.long]

SELECTION, ROLLBACK = "/api/v2/dags/model_selection", "/api/v2/dags/champion_rollback"
COMMENT = "as the evidence says <b>"
BEFORE = "1993-10-01"
"""The least history of the real bank that leaves a month to measure on, so that nobody waits for more."""


@dataclass(frozen=True)
class Story:
    """What was seen of one selection, from its question to the end.

    Attributes
    ----------
    question
        What the person was asked.
    waiting_page
        The Outcome tab meanwhile.
    analyst_answers
        The statuses an analyst got for the answer, a rollback and a selection.
    tried
        Names that the mapped candidates were shown by.
    run, page, models
        The run when it had ended, its Outcome tab, and the Models page.
    """

    question: dict[str, Any]
    waiting_page: str
    analyst_answers: list[int]
    tried: set[str]
    run: dict[str, Any]
    page: str
    models: str


@pytest.fixture(scope="module")
def admin(console: Console) -> httpx.Client:
    return console.admin()


@pytest.fixture(scope="module")
def story(console: Console, admin: httpx.Client) -> Story:
    admin.patch(SELECTION, json={"is_paused": False}).raise_for_status()
    run = f"{SELECTION}/dagRuns/{_trigger(admin, SELECTION, before=BEFORE)}"
    approval = f"{run}/taskInstances/await_approval"
    _wait(lambda: _state(admin, approval) == "awaiting_input" or _ended(admin, run))
    assert not _ended(admin, run), _outcome(admin, run)
    # Airflow 3.3 may fail a task that is answered within its first second of waiting.
    time.sleep(2)
    tried = admin.get(f"{run}/taskInstances", params={"task_id": "try_candidate"}).json()["task_instances"]
    question = admin.get(f"{approval}/-1/hitlDetails").json()
    waiting_page = _outcome(admin, run)
    analyst, answer = console.analyst(), {"chosen_options": ["Approve"], "params_input": {"comment": COMMENT}}
    refusals = [
        analyst.patch(f"{approval}/-1/hitlDetails", json=answer),
        analyst.post(f"{ROLLBACK}/dagRuns", json={"logical_date": None, "conf": {"why": "x"}}),
        analyst.post(f"{SELECTION}/dagRuns", json={"logical_date": None}),
    ]
    admin.patch(f"{approval}/-1/hitlDetails", json=answer).raise_for_status()
    _wait(lambda: _ended(admin, run))
    return Story(
        question,
        waiting_page,
        [refusal.status_code for refusal in refusals],
        {task["rendered_map_index"] for task in tried},
        admin.get(run).json(),
        _outcome(admin, run),
        admin.get("/settlement/models").text,
    )


def _trigger(browser: httpx.Client, dag: str, **conf: str) -> str:
    answer = browser.post(f"{dag}/dagRuns", json={"logical_date": None, "conf": conf})
    return str(answer.raise_for_status().json()["dag_run_id"])


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.5)


def _state(browser: httpx.Client, path: str) -> str:
    return str(browser.get(path).raise_for_status().json()["state"])


def _ended(browser: httpx.Client, run: str) -> bool:
    return _state(browser, run) in ("success", "failed")


def _outcome(browser: httpx.Client, run: str) -> str:
    _, dag_id, _, run_id = run.rsplit("/", 3)
    return browser.get(f"/settlement/runs/{dag_id}/{quote(run_id)}").raise_for_status().text


def test_a_person_is_asked_with_the_evidence_before_them(story):
    assert "there is no champion yet" in story.question["subject"]
    assert "| ensemble | merit |" in story.question["body"]
    assert "/plugin/settlement-models/settlement/models/manual__" in story.question["body"]
    assert (story.question["options"], story.question["defaults"]) == (["Approve", "Reject"], ["Reject"])
    assert "waits for approval" in story.waiting_page


def test_candidates_are_shown_by_their_names(story):
    assert {"contrast", "rarity", "isolation_forest"} <= story.tried


def test_who_may_only_read_neither_answers_nor_triggers(story):
    assert story.analyst_answers == [403, 403, 403]


def test_the_approved_challenger_is_champion_in_the_name_of_who_approved(story):
    assert story.run["state"] == "success"
    assert story.run["note"].startswith("**Selection before 1993-10-01: promoted by admin.**")
    assert "promoted by admin" in story.page
    assert "as the evidence says &lt;b&gt;" in story.models
    assert "by admin" in story.models


def test_the_evidence_is_laid_out_with_its_plots(story, admin):
    (start, _, rest) = story.page.partition('<img src="')
    assert start
    plot = admin.get(rest.partition('"')[0])
    assert (plot.status_code, plot.headers["content-type"]) == (200, "image/png")
    assert plot.content.startswith(b"\x89PNG")


def test_the_first_champion_has_nothing_to_go_back_to_and_the_run_says_so(story, admin):
    run = f"{ROLLBACK}/dagRuns/{_trigger(admin, ROLLBACK, which='champion', why='too loud')}"
    _wait(lambda: _ended(admin, run))
    page = _outcome(admin, run)
    assert "Rollback: nothing was taken back" in page
    assert "there is no champion before" in page
