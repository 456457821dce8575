"""The address of the page to look around in."""

from __future__ import annotations

from fastapi import HTTPException, Request, Response

from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.explore.choice import ChoiceError
from plugins.settlement_console.explore.page import explore_page
from plugins.settlement_console.nights.figures import BOOK
from plugins.settlement_console.pages import page, told_troubles
from plugins.settlement_console.rights import Right
from plugins.settlement_console.routes import Page, get
from plugins.settlement_console.visitors import CurrentVisitor


def explore(request: Request, visitor: CurrentVisitor, settings: InstalledSettings) -> Response:
    """Scatter, time series and map of the findings of some nights, each linked with the others."""
    try:
        with told_troubles():
            found = explore_page(settings, request.query_params, BOOK, sees_accounts=visitor.sees_accounts)
    except ChoiceError as error:
        raise HTTPException(422, str(error)) from error
    return page("explore.html", request, visitor, page=found)


ROUTES: tuple[Page, ...] = (get("/explore", explore, Right.VIEWER, title="Explore"),)
