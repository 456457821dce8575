"""The addresses of the nights' pages."""

from __future__ import annotations

from datetime import UTC, date, datetime

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import HTTPException, Request, Response

from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.nights.figures import BOOK
from plugins.settlement_console.nights.night import night_page
from plugins.settlement_console.nights.overview import overview_of
from plugins.settlement_console.nights.stopped import newest_runs
from plugins.settlement_console.nights.usual import NIGHTS_COMPARED
from plugins.settlement_console.pages import page, told_troubles
from plugins.settlement_console.rights import Right
from plugins.settlement_console.routes import Page, get
from plugins.settlement_console.visitors import CurrentVisitor


def overview(request: Request, visitor: CurrentVisitor, session: SessionDep, settings: InstalledSettings) -> Response:
    """The last nights at a glance."""
    with told_troubles():
        found = overview_of(settings, BOOK, newest_runs(session), datetime.now(UTC))
    return page("nights.html", request, visitor, page=found, nights_compared=NIGHTS_COMPARED)


def one_night(request: Request, visitor: CurrentVisitor, night: date, settings: InstalledSettings) -> Response:
    """A published night against those before it, its most urgent findings, and what became of its messages."""
    with told_troubles():
        found = night_page(settings, night, BOOK)
    if found is None:
        raise HTTPException(404, f"the night {night} is not published")
    return page("one_night.html", request, visitor, page=found)


ROUTES: tuple[Page, ...] = (
    get("/", overview, Right.VIEWER, title="Nights"),
    get("/nights/{night}", one_night, Right.VIEWER),
)
