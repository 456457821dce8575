"""The pages and notes about models: what a run came to, who is champion; what people wrote is text."""

from __future__ import annotations

from typing import Any

import pytest
from markupsafe import Markup

from include.orchestration import FAILURE
from plugins.settlement_console.lake_says import LakeSays
from plugins.settlement_console.model_runs import ModelRun, model_run
from plugins.settlement_console.models.evidence import Evidence, as_html
from plugins.settlement_console.models.history import UPDATES_SHOWN, ModelsPage
from plugins.settlement_console.notes import note_of_models
from plugins.settlement_console.run_results import RETURNED, Answer, RunResults
from plugins.settlement_console.templating import render
from plugins.settlement_console.told import UNVERIFIED
from tests.plugins.runs import a_run

EVIL = "<img src=x onerror=alert(1)>"
NEW, OLD = "contrast-00000000000000aa", "rarity-00000000000000bb"
PREPARED = {"before": "1994-01-26", "candidates": ["rarity", "contrast"], "note": "2 candidates are measured"}
COMPARED = {
    "selection": "manual__1",
    "challenger": NEW,
    "champion": OLD,
    "is_better": True,
    "verdict": "contrast is better",
}


def _run(
    dag_id: str, state: str, *left: tuple[str, Any], lake: LakeSays | None = None, conf: dict[str, Any] | None = None
) -> ModelRun:
    answers = {task_id: value for task_id, value in left if isinstance(value, Answer)}
    values = [(task_id, RETURNED, value) for task_id, value in left if task_id not in (FAILURE, *answers)]
    failures = [("try_candidate", FAILURE, sentence) for task_id, sentence in left if task_id == FAILURE]
    run = model_run(RunResults(a_run(dag_id, state, conf), [*values, *failures], answers), lake or LakeSays())
    assert run is not None
    return run


def _selection(state: str, *left: tuple[str, Any], lake: LakeSays | None = None, **conf: Any) -> ModelRun:
    """A selection's run of which the lake holds what is marked so."""
    sealed = {key: value for key, value in left if key in ("found", "promotion")}
    told = [(key, value) for key, value in left if key not in sealed]
    return _run("model_selection", state, ("prepare", PREPARED), *told, lake=lake or LakeSays(**sealed), conf=conf)


ENDED = "ended, and the lake holds no promotion by it"
DONE, PROMOTED = ("found", COMPARED), ("promotion", {"version": NEW, "by": "ada"})
APPROVED, REFUSED, UNANSWERED = (
    ("await_approval", answer)
    for answer in (Answer(True, "ada", "as seen"), Answer(False, "ada", ""), Answer(False, "", ""))
)


@pytest.mark.parametrize(
    ("state", "left", "ends"),
    [
        ("running", [], "at work"),
        ("running", [DONE, APPROVED], "at work"),
        ("running", [DONE], "waits for approval"),
        ("success", [("found", {**COMPARED, "challenger": None})], "the champion stays"),
        ("success", [DONE, REFUSED], "refused by ada, the champion stays"),
        ("success", [DONE, UNANSWERED], "nobody answered in time, the champion stays"),
        ("success", [DONE, APPROVED, PROMOTED], "promoted by ada"),
        ("success", [("compare", COMPARED), ("promote", {"champion": NEW})], ENDED),
        ("success", [DONE, ("promote", {"champion": NEW})], ENDED),
        ("success", [("found", {**COMPARED, "is_better": False})], "the champion stays"),
        ("failed", [], "failed, the champion stays"),
        ("failed", [DONE, APPROVED], "failed, the champion stays"),
    ],
)
def test_a_selection_says_how_it_stands(state, left, ends):
    assert _selection(state, *left).headline == f"Selection before 1994-01-26: {ends}"


def test_a_page_that_waits_for_a_person_does_not_renew_itself_under_their_eyes():
    assert _selection("running").is_running
    assert not _selection("running", DONE).is_running


def test_a_run_that_asks_nobody_waits_for_nobody():
    run = _selection("running", DONE, approve_headlessly=True)
    assert run.headline.endswith(": at work")
    assert run.is_running


def test_a_selection_shows_verdict_candidates_and_who_is_out():
    tried = {"candidate": "rarity", "seconds": 1.25, "peak_mib": 99.6}
    run = _selection("success", (FAILURE, "CandidateError: contrast is out"), ("try_candidate", tried), DONE, APPROVED)
    assert run.said[0] == ("verdict", "contrast is better")
    assert ("comment", "as seen") in run.said
    assert ("1 of 2 candidates tried", "rarity (1.2 s, 100 MiB)") in run.said
    assert run.failures == [("try_candidate", "CandidateError: contrast is out")]
    assert run.selection == "manual__1"


def _update(**changed: Any) -> dict[str, Any]:
    update = {"night": "1994-01-05", "version": NEW, "accepted": True, "why": "1 night teaches", "fate": "accepted"}
    return {**update, "figures": {"recall": 0.5}, "rolled_back_by": "", "rolled_back_why": "", **changed}


def test_learning_says_of_each_night_what_became_of_it_and_what_was_noticed():
    nights = [_update(), _update(night="1994-01-06", accepted=False, fate="dropped", why="recall fell")]
    notice = {"code": "feature_drift", "feature": "amount", "text": "amount moved", "asks_for_selection": True}
    watched = {"nights": [{"night": "1994-01-06", "notices": [notice]}]}
    wish = {"night": "1994-01-06", "features": ["amount"]}
    told = [("learn", {"nights": nights}), ("watch", watched), ("ask_for_selection", wish)]
    sealed = LakeSays(updates={night["night"]: night for night in nights})
    run = _run("online_learning", "success", *told, lake=sealed)
    assert run.headline == "Learning from 1994-01-05, 1994-01-06: 1 of 2 refreshes accepted"
    assert run.said == [
        ("1994-01-05: accepted", "1 night teaches"),
        ("1994-01-06: dropped", "recall fell"),
        ("1994-01-06: feature_drift", "amount moved"),
        ("asks for a selection", "amount"),
    ]


def test_what_tasks_told_is_overruled_by_the_lake_and_marked_where_it_has_nothing():
    forged = [_update(why="all is well"), _update(night="1994-01-06", why="all is well")]
    dropped = _update(accepted=False, fate="dropped", why="recall fell")
    run = _run(
        "online_learning", "success", ("learn", {"nights": forged}), lake=LakeSays(updates={"1994-01-05": dropped})
    )
    assert run.said == [("1994-01-05: dropped", "recall fell"), ("1994-01-06: accepted", "all is well"), UNVERIFIED]
    told = _run("model_selection", "success", ("compare", {**COMPARED, "verdict": EVIL}))
    assert told.said[:2] == [UNVERIFIED, ("verdict", EVIL)]
    assert told.selection == ""
    assert "&lt;img" in render("model_run.html", root="", run=told, evidence=None)


@pytest.mark.parametrize(
    ("dag_id", "left"),
    [
        ("model_selection", [("prepare", {"candidates": 7}), ("compare", {}), ("try_candidate", {"candidate": 1})]),
        ("model_selection", [("prepare", "x"), ("compare", 7), ("try_candidate", [1])]),
        ("online_learning", [("learn", {"nights": 7}), ("watch", {"nights": [7]}), ("ask_for_selection", 7)]),
        ("online_learning", [("learn", []), ("watch", "x"), ("ask_for_selection", {"features": {"a": 1}})]),
        ("champion_rollback", [("take_back", 7)]),
    ],
)
def test_whatever_was_written_in_a_tasks_name_there_is_a_page(dag_id, left):
    run = _run(dag_id, "running", *left, conf={"which": {"a": 1}, "why": 7})
    assert "at work" in render("model_run.html", root="", run=run, evidence=None)
    assert note_of_models(run)


def test_a_lake_that_cannot_be_read_is_said():
    run = _run("champion_rollback", "success", lake=LakeSays(trouble="who is champion cannot be trusted"))
    assert run.said[-1] == ("the lake", "who is champion cannot be trusted")


def test_a_rollback_says_what_scores_now():
    asked, told = {"which": "champion", "why": "too loud"}, ("take_back", {"champion": OLD, "before": NEW})
    done = _run("champion_rollback", "success", told, lake=LakeSays(rolled_back_to=OLD), conf=asked)
    assert done.headline == f"Rollback: {OLD} is champion again"
    assert ("why", "too loud") in done.said
    marked = _run("champion_rollback", "success", told, conf=asked)
    assert marked.headline == "Rollback: ended, and the lake holds no rollback by it"
    assert _run("champion_rollback", "running", told, conf=asked).headline == "Rollback: at work"
    learned = _run("champion_rollback", "success", lake=LakeSays(nights_taken_back=("1994-01-05",)), conf=asked)
    assert learned.headline == "Rollback of what was learned from 1994-01-05"
    assert _run("champion_rollback", "failed", conf=asked).headline == "Rollback: nothing was taken back"


def test_a_run_of_another_dag_is_none_of_these():
    assert model_run(RunResults(a_run("another"), [], {}), LakeSays()) is None


NOTHING_ELSE = {"root": "", "airflow": "", "charts": [], "looks": None, "questions": []}


def _page(**changed: Any) -> ModelsPage:
    reigns = [
        {"version": NEW, "since": "1994-02-01T10:00:00+00:00", "by": "ada", "why": "better", "is_rollback": False},
        {"version": OLD, "since": "", "by": "not recorded", "why": "", "is_rollback": False},
    ]
    return ModelsPage(**{"reigns": reigns, "updates": [], "selections": [], **changed})


def test_what_scores_the_next_night_is_the_newest_learning_that_holds():
    older = _update(night="1994-01-04", version="contrast-0000000000000004")
    assert _page().in_force == NEW
    others = [_update(rolled_back_by="ada"), _update(accepted=False, fate="dropped")]
    assert _page(updates=[*others, older]).in_force == older["version"]
    assert _page(reigns=[]).in_force is None


def test_an_old_learning_that_holds_is_in_force_though_the_page_lists_newer_nights_alone():
    dropped = [
        _update(night=f"1994-02-{day:02}", accepted=False, version=None, fate="dropped") for day in range(28, 8, -1)
    ]
    page = _page(updates=[*dropped, _update(version="contrast-0000000000000004")])
    assert page.in_force == "contrast-0000000000000004"
    assert page.newest_updates == dropped[:UPDATES_SHOWN]
    shown = render("models.html", **NOTHING_ELSE, page=page)
    assert "contrast-0000000000000004" in shown
    assert shown.count("dropped") == UPDATES_SHOWN


def test_a_past_selection_says_what_became_of_its_challenger():
    """The same challenger was found three times: refused, promoted, and found again."""
    hours = ("08", "09", "11")
    first, second, third = ({**COMPARED, "made_at": f"2024-02-01T{hour}:00:00+00:00"} for hour in hours)
    reigns = [{"version": NEW, "since": "2024-02-01T10:00:00+00:00", "by": "ada"}]
    page = _page(reigns=reigns, selections=[third, second, first])
    assert [page.fate(found) for found in (first, second, third)] == ["not promoted", "promoted by ada", "not promoted"]
    assert page.fate({**second, "is_better": False}) == "nothing to decide"
    assert page.fate({**second, "challenger": OLD}) == "not promoted"


def test_what_people_wrote_is_text_on_the_models_page():
    reign = {"version": NEW, "since": "1994-02-01T10:00:00+00:00", "by": EVIL, "why": EVIL, "is_rollback": True}
    update = _update(why=EVIL, rolled_back_by=EVIL, rolled_back_why=EVIL, figures={"recall": 0.5, "false_alarms": 0.02})
    selection = {**COMPARED, "verdict": EVIL, "before": "1994-01-26", "made_at": "1994-02-01T09:00:00+00:00"}
    page = render("models.html", **NOTHING_ELSE, page=_page(reigns=[reign], updates=[update], selections=[selection]))
    assert "<img" not in page
    assert page.count("&lt;img") == 9
    assert "50.00%" in page


def test_an_empty_lake_has_a_models_page():
    page = render("models.html", **NOTHING_ELSE, page=_page(reigns=[]))
    assert "Nobody is champion yet" in page


def test_what_people_wrote_is_text_on_a_runs_page_and_in_its_note():
    run = ModelRun("Selection: waits", is_running=True, failures=[("try_candidate", EVIL)], said=[("verdict", EVIL)])
    page = render("model_run.html", root="", run=run, evidence=None)
    assert "<img" not in page
    assert page.count("&lt;img") == 2
    assert 'http-equiv="refresh"' in page
    note = note_of_models(ModelRun(f"Rollback: {EVIL}", False, [], [("why", "[x](javascript:1)")], "manual__1"))
    assert r"\<img src=x onerror=alert\(1\)\>" in note
    assert r"\[x\]\(javascript:1\)" in note
    assert note.endswith(" · [Evidence](/plugin/settlement-models/settlement/models/manual__1)")


def test_a_notes_link_lies_below_the_path_that_airflow_is_served_at(monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://bank.example/airflow/")
    note = note_of_models(ModelRun("Rollback", False, [], []))
    assert note.endswith(" · [Models](/airflow/plugin/settlement-models/airflow/settlement/models)")


def test_a_runs_page_shows_its_plots_from_the_packs():
    evidence = Evidence("manual__1", Markup(""), ["recall_by_kind.png"], [])
    run = ModelRun("Selection", is_running=False, failures=[], said=[], selection="manual__1")
    page = render("model_run.html", root="/settlement", run=run, evidence=evidence)
    assert '<img src="/settlement/packs/manual__1/recall_by_kind.png" alt="recall by kind">' in page


@pytest.mark.parametrize(
    "hostile",
    ["<script>1</script>", "[x](javascript:alert(1))", "![x](http://elsewhere/x.png)", "[x](data:text/html,1)"],
)
def test_nothing_in_a_report_runs_or_reaches_elsewhere(hostile):
    page = as_html(hostile)
    assert "<script>" not in page
    assert "href=" not in page or "http://elsewhere" in page
    assert "<img" not in page
