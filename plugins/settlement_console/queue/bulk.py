"""Decisions on several cases at once: first a preview in which nothing is decided, then the decisions, with an undo."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Form, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from plugins.settlement_console.pages import page, told_troubles
from plugins.settlement_console.queue.acting import Field
from plugins.settlement_console.queue.addresses import to_queue
from plugins.settlement_console.queue.desk import CurrentDesk, Desk
from plugins.settlement_console.queue.lines import Line
from plugins.settlement_console.queue.verdicts import Verdicts, parted

if TYPE_CHECKING:
    from include.cases.views import Decision

_Texts = Annotated[list[str] | None, Form()]


def preview(
    request: Request, desk: CurrentDesk, case: _Texts = None, verdict: Field = "", note: Field = "", view: Field = ""
) -> Response:
    """Show what a decision on the chosen cases would do; nothing is decided."""
    from include.cases.refusals import CaseRefusedError

    chosen, typed = case or [], {"verdict": verdict, "note": note}
    if not chosen:
        return _page(request, desk, view, refusal="No case was chosen: mark some in the queue first", **typed)
    with told_troubles():
        try:
            found = desk.book.preview(chosen, *parted(verdict), desk.who, desk.now, note)
        except CaseRefusedError as error:
            return _page(request, desk, view, refusal=str(error), chosen=chosen, **typed)
        return _page(request, desk, view, preview=found, chosen=chosen, **typed)


def decide(
    request: Request,
    desk: CurrentDesk,
    decision: _Texts = None,
    verdict: Field = "",
    note: Field = "",
    view: Field = "",
) -> Response:
    """Take the decisions of a preview; the cases that were refused are told, and are as they were."""
    from include.cases.refusals import CaseRefusedError

    sent = [_unpacked(each, verdict, note) for each in decision or []]
    with told_troubles():
        try:
            found = desk.book.decide_many(sent, desk.who, desk.now)
        except CaseRefusedError as error:
            return _page(request, desk, view, refusal=str(error), verdict=verdict, note=note)
        if found.refused:
            return _page(request, desk, view, decided=found, verdict=verdict, note=note)
    return to_queue(request, desk.asked(view).query, done=found.batch_id)


def undo(request: Request, desk: CurrentDesk, decision_id: Field = "", view: Field = "") -> Response:
    """Take a decision back, with all its parts where it is one on several cases."""
    from include.cases.refusals import CaseRefusedError

    with told_troubles():
        try:
            desk.book.undo(decision_id, desk.who, desk.now)
        except CaseRefusedError as error:
            raise HTTPException(409, str(error)) from error
    return to_queue(request, desk.asked(view).query, said="undone")


def packed(decision: Decision) -> str:
    """A decision of a preview as its form hands it back: the case, and what was seen of each finding."""
    return json.dumps({"case_id": decision.case_id, "seen": dict(decision.seen)})


def _unpacked(sent: str, verdict: str, note: str) -> Decision:
    from include.cases.views import Decision

    try:
        said = json.loads(sent)
        case_id, seen = str(said["case_id"]), {str(name): str(value) for name, value in said["seen"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HTTPException(422, "this is no decision of a preview: choose the cases in the queue again") from error
    return Decision(case_id, seen, *parted(verdict), note)


def _page(request: Request, desk: Desk, view: str, **told: Any) -> HTMLResponse:  # noqa: ANN401 - what the page shows
    shown = {"preview": None, "decided": None, "refusal": "", "chosen": (), "verdict": "", "note": "", **told}
    lines = _lines(desk, [each.case_id for each in shown["preview"].decisions] if shown["preview"] else [])
    return page(
        "bulk.html",
        request,
        desk.visitor,
        200 if shown["preview"] else 409,
        lines=lines,
        packed=packed,
        outcome=parted(shown["verdict"]),
        verdicts=Verdicts.of(desk.settings),
        view=desk.asked(view).query,
        **shown,
    )


def _lines(desk: Desk, case_ids: list[str]) -> Mapping[str, Line]:
    """The cases of a preview as the queue shows them, by id."""
    cases = (desk.book.case(each, desk.now, sees_accounts=desk.sees_accounts) for each in case_ids)
    return {case.row.case_id: Line.of(case.row, desk) for case in cases}
