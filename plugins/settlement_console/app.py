"""The console's application: its routes, each with the rights that it asks for, and the headers of every answer."""

from __future__ import annotations

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.dag_ids import NIGHTLY_SETTLEMENT
from plugins.settlement_console.account.routes import ROUTES as ACCOUNT
from plugins.settlement_console.bodies import SmallBodies
from plugins.settlement_console.data_docs import FRONT_PAGE, data_docs_of
from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.explore.routes import ROUTES as EXPLORE
from plugins.settlement_console.finding.routes import ROUTES as FINDING
from plugins.settlement_console.folders import NoSuchFileError, ShownFile
from plugins.settlement_console.lake_says import lake_says, night_says
from plugins.settlement_console.live import state
from plugins.settlement_console.model_runs import MODEL_DAGS, model_run
from plugins.settlement_console.models.evidence import Evidence, evidence_of
from plugins.settlement_console.models.routes import ROUTES as MODELS
from plugins.settlement_console.nights.routes import ROUTES as NIGHTS
from plugins.settlement_console.pages import failed, no_answer, not_understood, page, refused
from plugins.settlement_console.quarantine.routes import ROUTES as QUARANTINE
from plugins.settlement_console.queue.routes import ROUTES as QUEUE
from plugins.settlement_console.reviews import take_reviews
from plugins.settlement_console.rights import Right
from plugins.settlement_console.routes import Page, get
from plugins.settlement_console.run_results import results_of
from plugins.settlement_console.runs import run_summary
from plugins.settlement_console.statics import static_file
from plugins.settlement_console.visitors import CurrentVisitor
from plugins.settlement_console.work.routes import ROUTES as WORK

# Scripts and styles come from files of the console alone: what a bank's text smuggles into a page runs nowhere.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'self'",
    ]
)
# Great Expectations' sections of Data Docs style themselves with attributes; no script runs on them.
DATA_DOCS_POLICY = "; ".join(
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
    # FastAPI's own documentation pages would stand outside the login.
    app = FastAPI(title="Settlement console", docs_url=None, redoc_url=None, openapi_url=None)
    # Refusals and failures are pages too: they share their origin with the UI's session.
    app.add_middleware(SameHeaders)
    app.add_middleware(SmallBodies)
    app.add_exception_handler(StarletteHTTPException, refused)
    app.add_exception_handler(RequestValidationError, not_understood)
    app.add_exception_handler(SQLAlchemyError, no_answer)
    app.add_exception_handler(Exception, _failed)
    app.state.pages = pages()
    for each in app.state.pages:
        each.add_to(app)
    return app


def pages() -> tuple[Page, ...]:
    """Every route of the console, in the order of the navigation."""
    everybody = tuple(Right)
    return (
        *NIGHTS,
        *QUEUE,
        *EXPLORE,
        *FINDING,
        *ACCOUNT,
        *WORK,
        *QUARANTINE,
        *MODELS,
        get("/runs/{dag_id}/{run_id:path}", outcome, Right.VIEWER, Right.ENGINEER),
        get("/docs/{path:path}", data_docs, Right.VIEWER, Right.ENGINEER),
        Page("/state", state, everybody, response_class=JSONResponse),
        get("/static/{name}", static_file, *everybody),
        Page("/reviews", take_reviews, (Right.INVESTIGATOR,), method="POST", status=201, response_class=JSONResponse),
    )


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


def _failed(request: Request, error: Exception) -> Response:
    # What answers to unexpected errors stands outside of the middlewares.
    answer = failed(request, error)
    answer.headers.update(HEADERS)
    return answer


def outcome(
    request: Request,
    visitor: CurrentVisitor,
    dag_id: str,
    run_id: str,
    session: SessionDep,
    settings: InstalledSettings,
) -> Response:
    """The outcome of one run, for the tab on the run's page."""
    if dag_id != NIGHTLY_SETTLEMENT and dag_id not in MODEL_DAGS:
        return page("elsewhere.html", request, visitor, dag_id=dag_id)
    left = None if "\0" in run_id else results_of(session, dag_id, run_id)
    if left is None:
        raise HTTPException(404, f"{dag_id} has no run {run_id}")
    run = model_run(left, lake_says(left.run, settings)) if dag_id in MODEL_DAGS else None
    if run is None:
        return page("night.html", request, visitor, run=run_summary(left, night_says(left.run, settings)))
    laid_out = _laid_out(settings.lake_uri, run.selection)
    return page("model_run.html", request, visitor, run=run, evidence=laid_out)


def data_docs(request: Request, visitor: CurrentVisitor, path: str, settings: InstalledSettings) -> Response:
    """A page of the lake's Data Docs; its front page where the path is empty."""
    try:
        answer = _file(data_docs_of(settings.lake_uri).read(path or FRONT_PAGE))
    except NoSuchFileError as error:
        # Before the first night there is no site, which is not an error of the person who looks.
        if not path:
            return page("no_docs.html", request, visitor)
        raise HTTPException(404, str(error)) from error
    answer.headers["Content-Security-Policy"] = DATA_DOCS_POLICY
    return answer


def _laid_out(lake_uri: str, selection: str) -> Evidence | None:
    """The evidence of a selection; None where this installation's lake has none."""
    try:
        return evidence_of(lake_uri, selection)
    except NoSuchFileError:
        return None


def _file(shown: ShownFile) -> Response:
    return Response(shown.content, media_type=shown.media_type)
