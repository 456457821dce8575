"""The route of a finding's page."""

from __future__ import annotations

from fastapi import HTTPException, Request, Response

from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.finding.charts import charts_of
from plugins.settlement_console.finding.page import NoSuchFindingError, finding_page
from plugins.settlement_console.finding.surroundings import DAYS_BEFORE, LEAST_TO_COMPARE
from plugins.settlement_console.pages import page, told_troubles
from plugins.settlement_console.rights import Right
from plugins.settlement_console.routes import Page, get
from plugins.settlement_console.visitors import CurrentVisitor


def finding(request: Request, visitor: CurrentVisitor, finding_id: str, settings: InstalledSettings) -> Response:
    """One finding: what was found, why, what lies around it, and what to do; masked for whoever may not see whom."""
    try:
        with told_troubles():
            found = finding_page(settings, finding_id, sees_accounts=visitor.sees_accounts)
    except NoSuchFindingError as error:
        raise HTTPException(404, str(error)) from error
    account = found.account
    return page(
        "finding.html",
        request,
        visitor,
        page=found,
        account=account,
        charts=charts_of(account.around, found.finding["settlement_date"]) if account else [],
        case=None,
        days_before=DAYS_BEFORE,
        least=LEAST_TO_COMPARE,
    )


ROUTES: tuple[Page, ...] = (get("/findings/{finding_id}", finding, Right.VIEWER),)
"""The routes of a finding."""
