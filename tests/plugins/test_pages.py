"""Texts of a bank's records are text on the console's pages and in a run's note, never markup."""

from __future__ import annotations

from threading import Event

import pytest

from plugins.settlement_console import notes
from plugins.settlement_console.lake_says import NightSays
from plugins.settlement_console.notes import in_time, note_of
from plugins.settlement_console.runs import RunSummary
from plugins.settlement_console.templating import render

EVIL = "<script>alert(1)</script>"


def _summary(**changed) -> RunSummary:
    return RunSummary(
        **{
            "run_id": "r",
            "night": "1994-01-31",
            "state": "failed",
            "steps": {},
            "failures": [],
            "lake": NightSays(),
            **changed,
        }
    )


def test_a_failures_sentence_is_text_on_the_nights_page():
    page = render(
        "night.html", root="", run=_summary(failures=[("validate", EVIL)], steps={"extract": {"notes": EVIL}})
    )
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") == 2


def test_a_failures_sentence_is_text_in_the_note():
    note = note_of(_summary(failures=[("validate", "![x](http://elsewhere/) *bold* [y](javascript:1)")]))
    assert "![x]" not in note
    assert r"\!\[x\]\(http://elsewhere/\) \*bold\*" in note


def test_a_note_is_never_longer_than_airflows_column_and_keeps_its_link():
    note = note_of(_summary(failures=[("validate", "a long story. " * 200)]))
    assert len(note) == 1000
    assert note.endswith("/docs/nights/1994-01-31/index.html)")


def test_a_published_night_is_summed_up():
    lake = NightSays(
        {"rows_in": 2105, "quarantined": 4, "breaks": {"fee_amount": 3, "balance_chain": 1}, "flagged": 12}
    )
    forged = {"report": {"rows_in": 1, "quarantined": 0, "breaks": {}, "flagged": 0}}
    note = note_of(_summary(state="success", steps=forged, lake=lake))
    assert note.startswith(
        "**Night 1994-01-31: published.** Records in 2,105 · Quarantined 4 · Breaks 4 · Flagged 12 · [Data Docs]("
    )


def test_a_run_that_was_only_marked_as_done_is_not_called_published():
    steps = {"publish": {"run_key": "k"}, "report": {"rows_in": 2105}}
    marked = _summary(state="success", steps=steps)
    assert marked.headline == "Night 1994-01-31: ended, and the lake holds no such night"
    assert marked.figures == {}
    elsewhere = _summary(state="success", steps=steps, lake=NightSays(trouble="the run is about another lake"))
    assert elsewhere.headline == "Night 1994-01-31: ended; the run is about another lake"


def test_what_only_tasks_told_is_marked(monkeypatch):
    told = _summary(state="running", steps={"report": {"rows_in": 1, "breaks": {"fee_amount": 3}}})
    assert "Not verified: told by the run" in render("night.html", root="", run=told)
    assert "Records in 1 · Breaks 3 (not verified)" in note_of(told)
    assert "ot verified" not in render("night.html", root="", run=_summary(state="success", lake=NightSays({"a": 1})))


def _nested(depth: int) -> dict:
    found: dict = {}
    for _ in range(depth):
        found = {"a": found, "b": 1}
    return found


@pytest.mark.parametrize(
    "figures",
    [
        {"breaks": {"fee_amount": "x"}, "rows_in": ["x", {}], "flagged": {"a": {"b": 1}}},
        {"rows_in": EVIL, "flagged": True, "breaks": 1.5},
        _nested(300),
    ],
)
def test_whatever_was_written_in_a_steps_name_there_is_a_page(figures):
    told = _summary(state="running", steps={"report": figures})
    assert "<script>" not in render("night.html", root="", run=told)
    assert note_of(told)


def test_a_date_that_is_none_is_text_in_the_note_and_leads_nowhere():
    asked = _summary(night="x) **[y](http://elsewhere)\n# z", steps={"report": {}})
    assert note_of(asked).startswith(r"**Night x\) \*\*\[y\]\(http://elsewhere\) \# z: not published.**")
    assert not asked.has_docs


def test_a_look_into_the_lake_holds_up_no_scheduler(monkeypatch):
    monkeypatch.setattr(notes, "LONGEST_LOOK_SECONDS", 0.01)
    answers = Event()
    assert in_time(answers.wait, "silent") == "silent"
    # While the first one waits there is no second.
    assert in_time(lambda: "said", "silent") == "silent"
    answers.set()
    with notes._looking:
        monkeypatch.setattr(notes, "LONGEST_LOOK_SECONDS", 10)
    assert in_time(lambda: "said", "silent") == "said"
    assert in_time(lambda: 1 / 0, "failed") == "failed"
