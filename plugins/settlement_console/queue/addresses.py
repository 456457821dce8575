"""Where the console goes on after an act: to a case, or back to the queue with the filter it was opened with."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse

from plugins.settlement_console.pages import root_of

_SEE_OTHER = 303


def to_case(request: Request, case_id: str, view: str = "", **told: str) -> RedirectResponse:
    """Go on to a case's page.

    Parameters
    ----------
    request, case_id
        The request that is answered, and the case.
    view
        Query of the queue that the reader works through, as `AskedQueue.query` gives it.
    **told
        What the page says of the act, by parameter.
    """
    return _to(request, f"/cases/{quote(case_id, safe='')}", view, told)


def to_queue(request: Request, view: str = "", **told: str) -> RedirectResponse:
    """Go back to the queue."""
    return _to(request, "/queue", view, told)


def to_corrections(request: Request, **told: str) -> RedirectResponse:
    """Go back to the corrections."""
    return _to(request, "/corrections", "", told)


def _to(request: Request, path: str, view: str, told: dict[str, str]) -> RedirectResponse:
    query = "&".join(filter(None, [view, urlencode({name: value for name, value in told.items() if value})]))
    return RedirectResponse(f"{root_of(request)}{path}{'?' if query else ''}{query}", _SEE_OTHER)
