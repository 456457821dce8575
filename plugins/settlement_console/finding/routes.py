"""The routes of a finding: its page, and the proposal of its correction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from include.errors import SettlementError
from include.settings import Settings
from plugins.settlement_console.audit import audited
from plugins.settlement_console.case_books import followed_book
from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.finding.advice import outdated_words
from plugins.settlement_console.finding.charts import charts_of
from plugins.settlement_console.finding.its_case import MOST_EVENTS, ItsCase, its_case
from plugins.settlement_console.finding.page import FindingPage, NoSuchFindingError, finding_page
from plugins.settlement_console.finding.surroundings import DAYS_BEFORE, LEAST_TO_COMPARE
from plugins.settlement_console.pages import page, root_of, told_troubles
from plugins.settlement_console.rights import Right
from plugins.settlement_console.routes import Page, get, post
from plugins.settlement_console.visitors import CurrentVisitor, Visitor

if TYPE_CHECKING:
    from include.cases import CaseRefusedError

Note = Annotated[str, Form()]


def finding(request: Request, visitor: CurrentVisitor, finding_id: str, settings: InstalledSettings) -> Response:
    """One finding: what was found, why, what lies around it, and what to do; masked for whoever may not see whom."""
    return _shown(request, visitor, settings, finding_id)


def propose(
    request: Request, visitor: CurrentVisitor, finding_id: str, settings: InstalledSettings, note: Note = ""
) -> Response:
    """Endorse the correction that the night proposes; a refusal is told above the note as it was typed."""
    from include.cases import CaseRefusedError, NoSuchCaseError

    now = datetime.now(UTC)
    with told_troubles():
        _found(settings, visitor, finding_id)
        try:
            followed_book(settings, now).propose_correction(finding_id, visitor.name, now, note)
        except NoSuchCaseError as error:
            raise HTTPException(404, str(error)) from error
        except CaseRefusedError as refusal:
            return _shown(request, visitor, settings, finding_id, refusal, note)
    return RedirectResponse(f"{root_of(request)}/findings/{finding_id}#correction", 303)


def _shown(
    request: Request,
    visitor: Visitor,
    settings: Settings,
    finding_id: str,
    refusal: CaseRefusedError | None = None,
    note: str = "",
) -> Response:
    with told_troubles():
        found = _found(settings, visitor, finding_id)
        _audit(settings, visitor, found)
    case, trouble = _case(settings, visitor, finding_id)
    account = found.account
    return page(
        "finding.html",
        request,
        visitor,
        409 if refusal else 200,
        page=found,
        account=account,
        charts=charts_of(account.around, found.finding["settlement_date"]) if account else [],
        its=case,
        case_trouble=trouble,
        tally=case.tally(found.before.findings) if case else found.before.in_all,
        refusal=refusal,
        note=note,
        outdated_words=outdated_words,
        days_before=DAYS_BEFORE,
        least=LEAST_TO_COMPARE,
        most_events=MOST_EVENTS,
    )


def _found(settings: Settings, visitor: Visitor, finding_id: str) -> FindingPage:
    try:
        return finding_page(settings, finding_id, sees_accounts=visitor.sees_accounts)
    except NoSuchFindingError as error:
        raise HTTPException(404, str(error)) from error


def _case(settings: Settings, visitor: Visitor, finding_id: str) -> tuple[ItsCase | None, str]:
    """The finding's case; where the case book cannot be read, why not, as the finding can be shown without it."""
    now = datetime.now(UTC)
    try:
        return its_case(followed_book(settings, now), finding_id, now, sees_accounts=visitor.sees_accounts), ""
    except SettlementError as error:
        return None, str(error)


def _audit(settings: Settings, visitor: Visitor, found: FindingPage) -> None:
    """Write down that somebody who may see accounts looks at one."""
    account = found.finding["account_id"]
    if visitor.sees_accounts and account is not None:
        audited(settings, visitor, "viewed", found.finding["finding_id"], account=account)


ROUTES: tuple[Page, ...] = (
    get("/findings/{finding_id}", finding, Right.VIEWER),
    post("/findings/{finding_id}/correction/propose", propose, Right.INVESTIGATOR),
)
"""The routes of a finding."""
