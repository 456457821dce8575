"""The page of one case, and what is done there: claim, decide, wait, snooze, note, undo, propose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import HTMLResponse, Response

from plugins.settlement_console.finding.advice import correction_words
from plugins.settlement_console.pages import page, told_troubles
from plugins.settlement_console.queue.acting import Acting, Field, OnCase, Refusal, Typed
from plugins.settlement_console.queue.desk import CurrentDesk, Desk
from plugins.settlement_console.queue.filters import AskedQueue
from plugins.settlement_console.queue.lines import Line
from plugins.settlement_console.queue.listing import to_next
from plugins.settlement_console.queue.notices import acts, notice_of
from plugins.settlement_console.queue.verdicts import Verdicts, parted

_SAID = {
    "released": "The case is free for others again.",
    "noted": "The note is in the case's history.",
    "waiting": "The case is put aside until then, or until something more is found.",
    "snoozed": "The check is quiet on this account until then, unless a larger amount or another check is found.",
    "woken": "The check is heard again on this account.",
    "undone": "The decision is taken back: its findings are open again, and a later review says so.",
    "proposed": "The correction waits for an approver.",
}


def show(request: Request, case_id: str, desk: CurrentDesk, done: str = "", said: str = "") -> HTMLResponse:
    """A case with its findings, forms and history."""
    asked = desk.asked(request.url.query)
    with told_troubles():
        return _shown(request, desk, case_id, asked, notice=notice_of(desk, done), said=_SAID.get(said, ""))


def _shown(request: Request, desk: Desk, case_id: str, asked: AskedQueue, **told: Any) -> HTMLResponse:  # noqa: ANN401
    case, refusal = desk.case(case_id), told.get("refusal")
    shown = {"notice": None, "said": "", "refusal": None, "typed": Typed(), **told}
    return page(
        "case.html",
        request,
        desk.visitor,
        409 if refusal else 200,
        case=case,
        line=Line.of(case.row, desk),
        verdicts=Verdicts.of(desk.settings),
        acts=acts,
        correction_words=correction_words,
        view=asked.query,
        tomorrow=desk.now.date() + timedelta(days=1),
        **shown,
    )


def _done(act: Acting, said: str, what: Callable[[], Any]) -> Response:
    """The case's page after an act; where it was refused, with why, and with what was written."""
    found = act.tried(what)
    return _refused(act, found) if isinstance(found, Refusal) else act.back(said)


def _refused(act: Acting, refusal: Refusal) -> Response:
    with told_troubles():
        return _shown(act.request, act.desk, act.case_id, act.asked, refusal=refusal, typed=act.typed)


def claim(act: OnCase) -> Response:
    """Take the case for an hour."""
    return _done(act, "", lambda: act.desk.book.claim(act.case_id, act.desk.who, act.desk.now))


def release(act: OnCase) -> Response:
    """Give the case back."""
    return _done(act, "released", lambda: act.desk.book.release(act.case_id, act.desk.who, act.desk.now))


def note(act: OnCase) -> Response:
    """Add a note to the case's history."""
    desk = act.desk
    return _done(act, "noted", lambda: desk.book.note(act.case_id, desk.who, desk.now, act.typed.note))


def wait(act: OnCase, until: Annotated[date, Form()]) -> Response:
    """Put the case aside until a day."""
    desk, said = act.desk, act.typed.note
    return _done(act, "waiting", lambda: desk.book.wait(act.case_id, until, desk.who, desk.now, said))


def snooze(act: OnCase, until: Annotated[date, Form()], code: Field = "") -> Response:
    """Keep a check quiet on the case's account until a day."""
    desk, said = act.desk, act.typed.note
    return _done(act, "snoozed", lambda: desk.book.snooze(act.case_id, code, until, desk.who, desk.now, said))


def wake(act: OnCase, snooze_id: Field = "") -> Response:
    """End a snooze."""
    return _done(act, "woken", lambda: act.desk.book.wake(snooze_id, act.desk.who, act.desk.now))


def undo(act: OnCase, decision_id: Field = "") -> Response:
    """Take a decision back."""
    return _done(act, "undone", lambda: act.desk.book.undo(decision_id, act.desk.who, act.desk.now))


def propose(act: OnCase, finding_id: Field = "") -> Response:
    """Endorse the correction that a break's finding proposes."""
    desk, said = act.desk, act.typed.note
    return _done(act, "proposed", lambda: desk.book.propose_correction(finding_id, desk.who, desk.now, said))


def decide(act: OnCase, seen: Annotated[list[str] | None, Form()] = None, then: Field = "") -> Response:
    """Decide on findings of the case, and go on to the next one or stay.

    Parameters
    ----------
    seen
        Of each finding its id and what was seen of it, with a colon between.
    then
        `next` to claim the next case of the filter.
    """
    found = act.tried(lambda: _decide(act, seen or []))
    if isinstance(found, Refusal):
        return _refused(act, found)
    if then == "next":
        with told_troubles():
            return to_next(act.request, act.desk, act.asked, done=found.decision_id)
    return act.back(done=found.decision_id)


def _decide(act: Acting, seen: list[str]) -> Any:  # noqa: ANN401 - the book's `Decided`
    from include.cases.views import Decision

    outcome, reason = parted(act.typed.verdict)
    pairs = dict(each.split(":", 1) for each in seen if ":" in each)
    decision = Decision(act.case_id, pairs, outcome, reason, act.typed.note)
    return act.desk.book.decide(decision, act.desk.who, act.desk.now)
