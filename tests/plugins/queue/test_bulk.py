"""Decisions on several cases: the preview decides nothing, refusals are told, one undo takes all back."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import httpx
import pytest

from plugins.settlement_console.queue import bulk
from tests.case_book.nights import NOW
from tests.plugins.queue.conftest import EVIL, OneCase

IN_ORDER = "in_order:known_habit"


@pytest.fixture
def cases(crowd: Iterator[OneCase]) -> list[OneCase]:
    return [next(crowd), next(crowd)]


def _preview(cases: list[OneCase], **sent: object) -> httpx.Response:
    chosen = [case.case_id for case in cases]
    form = {"case": chosen, "verdict": IN_ORDER, "note": "a salary", "view": "code=amount", **sent}
    return cases[0].office.ann.post("/queue/bulk", data=form)


def _form(page: str) -> dict[str, list[str] | str]:
    """What the form of a preview sends."""
    decisions = [html.unescape(each) for each in re.findall(r'name="decision" value="([^"]*)"', page)]
    return {"decision": decisions, "verdict": IN_ORDER, "note": "a salary", "view": "code=amount"}


def _closed(cases: list[OneCase]) -> int:
    return sum(case.is_closed for case in cases)


def test_a_preview_shows_what_would_be_decided_and_decides_nothing(cases: list[OneCase]) -> None:
    page = _preview(cases)
    assert page.status_code == 200
    assert "2 findings of 2 cases: In order" in page.text
    assert "It is the client's habit" in html.unescape(page.text)
    assert "200.00 at stake" in page.text
    assert _closed(cases) == 0


def test_then_all_are_decided_and_one_undo_takes_all_back(cases: list[OneCase]) -> None:
    answer = cases[0].office.ann.post("/queue/bulk/decide", data=_form(_preview(cases).text))
    assert answer.status_code == 303
    assert _closed(cases) == 2
    page = cases[0].office.ann.get(answer.headers["location"]).text
    assert "2 findings of 2 cases decided as “In order”. It acts from the night of" in page
    (batch,) = re.findall(r'name="decision_id" value="([^"]+)"', page)
    assert (
        cases[0].office.ann.post("/queue/undo", data={"decision_id": batch, "view": "code=amount"}).status_code == 303
    )
    assert _closed(cases) == 0
    again = cases[0].office.ann.post("/queue/undo", data={"decision_id": batch})
    assert again.status_code == 409


def test_cases_that_another_holds_are_told_before_and_after(cases: list[OneCase]) -> None:
    form = _form(_preview(cases).text)
    cases[0].send("claim", cases[0].office.bob)
    told = _preview(cases).text
    assert "1 finding of 1 case: In order" in told
    assert "bob is looking at it until" in told
    answer = cases[0].office.ann.post("/queue/bulk/decide", data=form)
    assert "1 case decided, 1 not" in answer.text
    assert "bob is looking at this case" in answer.text
    assert _closed(cases) == 1


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"case": []}, "No case was chosen"),
        ({"verdict": ""}, "is no outcome"),
        ({"verdict": f"fraud:{EVIL}"}, "is no reason for fraud"),
        ({"case": ["x"] * 201}, "choose 1 to 200 at once"),
    ],
)
def test_a_preview_without_outcome_or_cases_is_refused_and_keeps_what_was_typed(
    cases: list[OneCase], sent: dict[str, object], said: str
) -> None:
    page = _preview(cases, **sent)
    assert (page.status_code, said in html.unescape(page.text)) == (409, True), page.text[-2000:]
    assert "Nothing was decided" in page.text
    assert EVIL not in page.text
    assert sent.get("case") == [] or ">a salary</textarea>" in page.text


@pytest.mark.parametrize("sent", ["", "[]", "{}", '{"case_id": 1, "seen": []}', "\0", "x" * 10_000])
def test_a_form_that_is_no_preview_is_refused(cases: list[OneCase], sent: str) -> None:
    answer = cases[0].office.ann.post("/queue/bulk/decide", data={"decision": [sent], "verdict": IN_ORDER})
    assert (answer.status_code, "no decision of a preview" in answer.text) == (422, True)


@pytest.mark.parametrize("times", [0, 101])
def test_a_form_with_no_decision_or_more_than_a_preview_holds_decides_nothing(cases: list[OneCase], times: int) -> None:
    form = _form(_preview(cases).text)
    answer = cases[0].office.ann.post("/queue/bulk/decide", data={**form, "decision": [*form["decision"]] * times})
    assert (answer.status_code, "choose 1 to 200 at once" in answer.text) == (409, True)
    assert _closed(cases) == 0


def test_what_a_form_hands_back_is_what_the_preview_held(cases: list[OneCase]) -> None:
    book, chosen = cases[0].office.desk.book, [case.case_id for case in cases]
    preview = book.preview(chosen, "in_order", "known_habit", "ann", NOW, "a salary")
    sent = [bulk._unpacked(bulk.packed(each), IN_ORDER, "a salary") for each in preview.decisions]
    assert sent == [*preview.decisions]
