"""The console's routes, each behind the UI's own login and the right to read the settlement DAG's runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.dag_ids import NIGHTLY_SETTLEMENT
from include.errors import SettlementError
from plugins.settlement_console import templating
from plugins.settlement_console.data_docs import FRONT_PAGE, data_docs_of
from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.evidence import Evidence, evidence_of, packs_of
from plugins.settlement_console.findings import NoSuchFindingError, finding_page, night_page
from plugins.settlement_console.folders import NoSuchFileError, ShownFile
from plugins.settlement_console.lake_says import lake_says, night_says
from plugins.settlement_console.model_history import models_page
from plugins.settlement_console.model_runs import MODEL_DAGS, model_run
from plugins.settlement_console.recent_nights import recent_nights
from plugins.settlement_console.reviews import take_reviews
from plugins.settlement_console.run_results import results_of
from plugins.settlement_console.runs import run_summary

# No script runs on these pages, none of theirs and none from elsewhere: they share their origin with the UI's session.
# Great Expectations' sections of Data Docs style themselves with attributes: hence 'unsafe-inline', for styles alone.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
}


def create_app() -> FastAPI:
    """The application that Airflow's server mounts; plugin applications are public unless they ask for a login."""
    may_read = Depends(requires_access_dag("GET", DagAccessEntity.RUN, NIGHTLY_SETTLEMENT))
    # FastAPI's own documentation pages would stand outside the login.
    app = FastAPI(title="Settlement console", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[may_read])
    # Refusals and failures are pages too: they share their origin with the UI's session.
    app.add_middleware(SameHeaders)
    app.add_exception_handler(Exception, failed)
    app.add_api_route("/", overview, response_class=HTMLResponse)
    app.add_api_route("/nights/{night}", one_night, response_class=HTMLResponse)
    app.add_api_route("/findings/{finding_id}", finding, response_class=HTMLResponse)
    app.add_api_route("/runs/{dag_id}/{run_id:path}", outcome, response_class=HTMLResponse)
    app.add_api_route("/models", models, response_class=HTMLResponse)
    app.add_api_route("/models/{selection}", evidence, response_class=HTMLResponse)
    app.add_api_route("/packs/{path:path}", pack_file)
    app.add_api_route("/docs/{path:path}", data_docs)
    app.add_api_route("/console.css", stylesheet)
    may_write = Depends(requires_access_dag("PUT", DagAccessEntity.RUN, NIGHTLY_SETTLEMENT))
    app.add_api_route("/reviews", take_reviews, methods=["POST"], status_code=201, dependencies=[may_write])
    return app


class SameHeaders:
    """Middleware that gives every answer of the console its headers.

    Parameters
    ----------
    app
        The console behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers that the answer lacks."""

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, headed)


def failed(_: Request, __: Exception) -> Response:
    """The answer to an unexpected error: the log has its trace, the browser gets none of it."""
    return JSONResponse({"detail": "the page could not be made; the server's log says why"}, 500, headers=HEADERS)


def overview(request: Request, settings: InstalledSettings) -> Response:
    """The recent nights, newest first."""
    return _page("overview.html", request, nights=recent_nights(settings))


def one_night(request: Request, night: date, settings: InstalledSettings) -> Response:
    """The findings of a published night, masked, and what became of its messages."""
    with _told_troubles():
        found = night_page(settings, night)
    if found is None:
        raise HTTPException(404, f"the night {night} is not published")
    return _page("one_night.html", request, page=found)


def finding(request: Request, finding_id: str, settings: InstalledSettings) -> Response:
    """One finding, masked: what was found and why."""
    try:
        with _told_troubles():
            found = finding_page(settings, finding_id)
    except NoSuchFindingError as error:
        raise HTTPException(404, str(error)) from error
    return _page("finding.html", request, page=found)


@contextmanager
def _told_troubles() -> Iterator[None]:
    """Answer with the sentence of what the lake could not do."""
    try:
        yield
    except SettlementError as error:
        raise HTTPException(503, f"the lake could not be read: {error}") from error


def outcome(request: Request, dag_id: str, run_id: str, session: SessionDep, settings: InstalledSettings) -> Response:
    """The outcome of one run, for the tab on the run's page."""
    if dag_id != NIGHTLY_SETTLEMENT and dag_id not in MODEL_DAGS:
        return _page("elsewhere.html", request, dag_id=dag_id)
    left = None if "\0" in run_id else results_of(session, dag_id, run_id)
    if left is None:
        raise HTTPException(404, f"{dag_id} has no run {run_id}")
    run = model_run(left, lake_says(left.run, settings)) if dag_id in MODEL_DAGS else None
    if run is None:
        return _page("night.html", request, run=run_summary(left, night_says(left.run, settings)))
    return _page("model_run.html", request, run=run, evidence=_laid_out(settings.lake_uri, run.selection))


def models(request: Request, settings: InstalledSettings) -> Response:
    """The champion, what it learned, and what was compared."""
    return _page("models.html", request, page=models_page(settings), airflow=_airflow(request))


def evidence(request: Request, selection: str, settings: InstalledSettings) -> Response:
    """One selection's evidence."""
    found = _laid_out(settings.lake_uri, selection)
    if found is None:
        raise HTTPException(404, "there is no such selection")
    return _page("evidence.html", request, evidence=found)


def pack_file(path: str, settings: InstalledSettings) -> Response:
    """A plot or another file of a selection's evidence."""
    try:
        return _file(packs_of(settings.lake_uri).read(path))
    except NoSuchFileError as error:
        raise HTTPException(404, str(error)) from error


def data_docs(request: Request, path: str, settings: InstalledSettings) -> Response:
    """A page of the lake's Data Docs; its front page where the path is empty."""
    try:
        return _file(data_docs_of(settings.lake_uri).read(path or FRONT_PAGE))
    except NoSuchFileError as error:
        # Before the first night there is no site, which is not an error of the person who looks.
        if not path:
            return _page("no_docs.html", request)
        raise HTTPException(404, str(error)) from error


def stylesheet() -> Response:
    """The style sheet of the console's own pages."""
    return Response(templating.stylesheet(), media_type="text/css; charset=utf-8", headers=HEADERS)


def _laid_out(lake_uri: str, selection: str) -> Evidence | None:
    """The evidence of a selection; None where this installation's lake has none."""
    try:
        return evidence_of(lake_uri, selection)
    except NoSuchFileError:
        return None


def _file(shown: ShownFile) -> Response:
    return Response(shown.content, media_type=shown.media_type, headers=HEADERS)


def _page(template: str, request: Request, **values: Any) -> HTMLResponse:  # noqa: ANN401 - what each template shows
    return HTMLResponse(templating.render(template, root=_root(request), **values), headers=HEADERS)


def _root(request: Request) -> str:
    """The console's own address, below which its links lie."""
    return str(request.scope["root_path"]).rstrip("/")


def _airflow(request: Request) -> str:
    """The address of Airflow's own pages."""
    return _root(request).removesuffix("/settlement")
