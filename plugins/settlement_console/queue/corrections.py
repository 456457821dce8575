"""Corrections for the bank's ledger: what waits for an approver, what was approved, and the back office's file."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from plugins.settlement_console.finding.advice import correction_words, outdated_words
from plugins.settlement_console.pages import page, told_troubles
from plugins.settlement_console.queue.acting import Field
from plugins.settlement_console.queue.addresses import to_corrections
from plugins.settlement_console.queue.desk import CurrentDesk, Desk, PerhapsDesk
from plugins.settlement_console.queue.export import as_download
from plugins.settlement_console.rights import Right
from plugins.settlement_console.visitors import CurrentVisitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.cases.views import CorrectionRow

MOST_CLOSED = 100
"""Approved and refused corrections on the page, the newest first; the file has all."""
_SAID = {
    "approved": "Approved: it is in the back office's file.",
    "one-more": "Approved by you. Somebody else has to approve it as well.",
    "refused": "Refused.",
}
_COLUMNS = (
    "correction_id", "state", "settlement_date", "code", "account", "trans_id", "action", "field", "value", "amount",
    "proposed_by", "proposed_at", "note", "approved_by", "needed", "refused_by", "closed_at", "finding_id",
    "outdated",
)  # fmt: skip


def corrections(request: Request, desk: PerhapsDesk, visitor: CurrentVisitor, said: str = "") -> HTMLResponse:
    """The corrections that wait for approval, and the newest that do no more."""
    with told_troubles():
        return _shown(request, desk, visitor, _SAID.get(said, ""))


def corrections_file(desk: CurrentDesk) -> Response:
    """All corrections as CSV."""
    with told_troubles():
        rows = [_cells(each) for each in desk.book.corrections(sees_accounts=desk.sees_accounts)]
        desk.audit("exported", "", what="corrections", rows=len(rows))
    return as_download("corrections.csv", _COLUMNS, rows)


def approve(request: Request, correction_id: str, desk: CurrentDesk) -> Response:
    """Approve a correction."""
    found = _tried(desk, lambda: desk.book.approve_correction(correction_id, desk.who, desk.now))
    if isinstance(found, str):
        return _shown(request, desk, desk.visitor, refusal=found)
    return to_corrections(request, said="one-more" if len(found.approved_by) < found.needed else "approved")


def refuse(request: Request, correction_id: str, desk: CurrentDesk, note: Field = "") -> Response:
    """Refuse a correction; whoever proposed it takes it back so, and others need the right to approve."""
    if not desk.visitor.may(Right.APPROVER) and not _is_own(desk, correction_id):
        raise HTTPException(403, "this correction is somebody else's: an approver refuses it, or whoever proposed it")
    found = _tried(desk, lambda: desk.book.refuse_correction(correction_id, desk.who, desk.now, note))
    if isinstance(found, str):
        return _shown(request, desk, desk.visitor, refusal=found)
    return to_corrections(request, said="refused")


def _is_own(desk: Desk, correction_id: str) -> bool:
    rows = desk.book.corrections(sees_accounts=desk.sees_accounts)
    return any(each.correction_id == correction_id and each.proposed_by == desk.who for each in rows)


def _tried(desk: Desk, act: Callable[[], CorrectionRow]) -> CorrectionRow | str:
    """The correction after an act, or the sentence of the refusal; 404 where there is none."""
    from include.cases.refusals import CaseRefusedError, NoSuchCaseError

    with told_troubles():
        try:
            return act()
        except NoSuchCaseError as error:
            raise HTTPException(404, str(error)) from error
        except CaseRefusedError as error:
            return str(error)


def _shown(
    request: Request, desk: Desk | None, visitor: CurrentVisitor, said: str = "", refusal: str = ""
) -> HTMLResponse:
    from include.cases.terms import CorrectionState

    rows = [] if desk is None else desk.book.corrections(sees_accounts=desk.sees_accounts)
    waiting = [each for each in rows if each.state == CorrectionState.PROPOSED]
    closed = [each for each in rows if each.state != CorrectionState.PROPOSED][: -MOST_CLOSED - 1 : -1]
    shown = {
        "waiting": waiting,
        "closed": closed,
        "said": said,
        "refusal": refusal,
        "correction_words": correction_words,
        "outdated_words": outdated_words,
    }
    return page("corrections.html", request, visitor, 409 if refusal else 200, **shown)


def _cells(row: CorrectionRow) -> list[Any]:
    return [_cell(getattr(row, name)) for name in _COLUMNS]


def _cell(value: object) -> object:
    if isinstance(value, tuple):
        return ", ".join(each if isinstance(each, str) else outdated_words(each) for each in value)
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
