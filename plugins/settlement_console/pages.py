"""Answers in the console's own clothes: pages, refusals and failures."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from markupsafe import Markup
from starlette.exceptions import HTTPException as StarletteHTTPException

from include.errors import SettlementError
from plugins.settlement_console import templating
from plugins.settlement_console.routes import Page
from plugins.settlement_console.same_origin import TOKEN_FIELD, session_token
from plugins.settlement_console.visitors import Visitor

_LOG = logging.getLogger(__name__)
LOGIN_RAN_OUT = (
    "your login ran out, or you are not logged in. Reload Airflow's own page in your browser (F5), log in, and come "
    "back: the address leads here again"
)


@dataclass(frozen=True)
class Link:
    """An entry of the navigation."""

    title: str
    href: str
    is_here: bool


def page(template: str, request: Request, visitor: Visitor, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401 - what each template shows
    """A page of the console.

    Parameters
    ----------
    template
        Name of the template, which extends `base.html`.
    request, visitor
        Who asks for what: they decide the navigation, and the token that forms carry.
    status
        Status of the answer.
    **values
        What the template shows.
    """
    shown = {"visitor": visitor, "navigation": navigation(request, visitor), "csrf_field": csrf_field(request)}
    return HTMLResponse(templating.render(template, root=root_of(request), **shown, **values), status)


def csrf_field(request: Request) -> Markup:
    """The hidden field that each form with the method POST holds."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(TOKEN_FIELD, session_token(request))


def navigation(request: Request, visitor: Visitor) -> list[Link]:
    """The pages that a visitor may open, in the order in which the application adds them."""
    pages: Sequence[Page] = request.app.state.pages
    here = request.scope["path"].removeprefix(request.scope["root_path"])
    return [
        Link(each.title, root_of(request) + each.path, _is_below(here, each.path))
        for each in pages
        if each.title and visitor.may(*each.rights)
    ]


def _is_below(path: str, entry: str) -> bool:
    return path == entry or (entry != "/" and path.startswith(entry.rstrip("/") + "/"))


def root_of(request: Request) -> str:
    """The console's own address, below which its links lie."""
    return str(request.scope["root_path"]).rstrip("/")


@contextmanager
def told_troubles() -> Iterator[None]:
    """Answer with the sentence of what the lake, or the cases beside it, could not do.

    Raises
    ------
    HTTPException
        503 for every error that the project itself raises.
    """
    try:
        yield
    except SettlementError as error:
        raise HTTPException(503, f"this could not be done: {error}") from error


def failed(request: Request, __: Exception) -> Response:
    """The answer to an unexpected error: the log has its trace, the browser gets none of it."""
    return _failure(request, 500, "the page could not be made; the server's log says why")


def no_answer(request: Request, error: Exception) -> Response:
    """The answer where a database does not do what it is asked: the lake's catalog, the cases, or Airflow's own."""
    # Statements and their values, which may name somebody, are no part of the driver's own words.
    _LOG.error("a database did not answer: %s", getattr(error, "orig", None) or type(error).__name__)
    return _failure(
        request,
        503,
        "a database that this page needs does not answer, or is locked: load the page again in a minute, and see there "
        "what stands. If it stays so, the server's log says which one, for whoever looks after it",
    )


def _failure(request: Request, status: int, sentence: str) -> Response:
    if _wants_a_page(request):
        return _refusal(request, status, sentence)
    return JSONResponse({"detail": sentence}, status)


async def refused(request: Request, error: Exception) -> Response:
    """The answer to a request that is refused: a page for a browser, JSON for a program."""
    assert isinstance(error, StarletteHTTPException)  # noqa: S101  # nosec B101 - what it is registered for
    if not _wants_a_page(request):
        return await http_exception_handler(request, error)
    sentence = LOGIN_RAN_OUT if error.status_code == HTTPStatus.UNAUTHORIZED else str(error.detail)
    answer = _refusal(request, error.status_code, sentence)
    answer.headers.update(error.headers or {})
    return answer


async def not_understood(request: Request, error: Exception) -> Response:
    """The answer to an address or a form with a value that is none: a page for a browser, JSON for a program."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  # nosec B101 - what it is registered for
    if not _wants_a_page(request):
        return await request_validation_exception_handler(request, error)
    return _refusal(request, 422, "; ".join(_fault(each) for each in error.errors()[:5]))


def _fault(error: dict[str, Any]) -> str:
    place = " ".join(str(part)[:60] for part in error["loc"][1:])
    return f"{place}: {str(error['msg'])[:300]}"


def _refusal(request: Request, status: int, sentence: str) -> HTMLResponse:
    title = HTTPStatus(status).phrase
    content = templating.render("refused.html", root=root_of(request), status=status, title=title, sentence=sentence)
    return HTMLResponse(content, status)


def _wants_a_page(request: Request) -> bool:
    """Whether a browser asks: programs name JSON or anything."""
    return "text/html" in request.headers.get("accept", "")
