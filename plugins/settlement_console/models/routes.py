"""Routes of the models' pages."""

from __future__ import annotations

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import HTTPException, Request, Response

from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.folders import NoSuchFileError
from plugins.settlement_console.models.evidence import evidence_of, packs_of
from plugins.settlement_console.models.history import champion_looks, models_page, nights_drawn
from plugins.settlement_console.models.waiting import questions
from plugins.settlement_console.pages import page, root_of, told_troubles
from plugins.settlement_console.rights import Right
from plugins.settlement_console.routes import Page, get
from plugins.settlement_console.visitors import CurrentVisitor


def models(request: Request, visitor: CurrentVisitor, session: SessionDep, settings: InstalledSettings) -> Response:
    """The champion, how it does, what it looks at and learned, and what was compared."""
    with told_troubles():
        found = models_page(settings)
        charts = nights_drawn(settings)
        looks = champion_looks(settings, found)
    return page(
        "models.html",
        request,
        visitor,
        page=found,
        charts=charts,
        looks=looks,
        questions=questions(session),
        airflow=_airflow(request),
    )


def evidence(request: Request, visitor: CurrentVisitor, selection: str, settings: InstalledSettings) -> Response:
    """One selection's evidence."""
    try:
        found = evidence_of(settings.lake_uri, selection)
    except NoSuchFileError as error:
        raise HTTPException(404, "there is no such selection") from error
    return page("evidence.html", request, visitor, evidence=found)


def pack_file(path: str, settings: InstalledSettings) -> Response:
    """A plot or another file of a selection's evidence."""
    try:
        shown = packs_of(settings.lake_uri).read(path)
    except NoSuchFileError as error:
        raise HTTPException(404, str(error)) from error
    return Response(shown.content, media_type=shown.media_type)


def _airflow(request: Request) -> str:
    """The address of Airflow's own pages."""
    return root_of(request).removesuffix("/settlement")


ROUTES: tuple[Page, ...] = (
    get("/models", models, Right.VIEWER, title="Models"),
    get("/models/{selection}", evidence, Right.VIEWER),
    get("/packs/{path:path}", pack_file, Right.VIEWER),
)
"""The models' routes."""
