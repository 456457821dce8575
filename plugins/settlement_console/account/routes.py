"""The route of an account's page, which is reached through one of its findings, so that no address names an account."""

from __future__ import annotations

from datetime import date

from fastapi import HTTPException, Request, Response

from plugins.settlement_console import code_words
from plugins.settlement_console.account.charts import charts_of
from plugins.settlement_console.account.page import MOST_FINDINGS, account_page
from plugins.settlement_console.audit import audited
from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.finding.page import NoSuchFindingError
from plugins.settlement_console.pages import page, told_troubles
from plugins.settlement_console.rights import Right
from plugins.settlement_console.routes import Page, get
from plugins.settlement_console.visitors import CurrentVisitor


def account(
    request: Request,
    visitor: CurrentVisitor,
    finding_id: str,
    settings: InstalledSettings,
    until: date | None = None,
) -> Response:
    """An account's years at a glance; masked for whoever may not see whom."""
    try:
        with told_troubles():
            found = account_page(settings, finding_id, until, sees_accounts=visitor.sees_accounts)
            if visitor.sees_accounts:
                audited(settings, visitor, "viewed", finding_id, account=found.finding["account_id"])
    except NoSuchFindingError as error:
        raise HTTPException(404, str(error)) from error
    return page(
        "account.html",
        request,
        visitor,
        page=found,
        charts=charts_of(found),
        most_findings=MOST_FINDINGS,
        told=code_words,
    )


ROUTES: tuple[Page, ...] = (get("/findings/{finding_id}/account", account, Right.VIEWER),)
"""The routes of an account."""
