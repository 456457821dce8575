"""An address for each page of the console, with what there is to be shown on it."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Protocol
from urllib.parse import quote

from fastapi.responses import HTMLResponse

BELOW = "/settlement"
"""The path that the console's pages lie below."""
_RUN = "/runs/{dag_id}/{run_id:path}"
NO_PAGES = frozenset(
    {
        "/static/{name}",
        "/packs/{path:path}",
        "/queue/export",
        "/corrections/export",
        "/models/{selection}",
        "/work/second-looks/{item_id}",
    }
)
"""Routes that give files; and those of a selection and of a month's sample, of which this bank has none."""


class Shown(Protocol):
    """A console with something to show."""

    @property
    def nights(self) -> list[date]:
        """The published nights; the first one has findings and a record in quarantine."""

    def finding(self) -> str:
        """The id of a finding."""

    def html(self, path: str) -> str:
        """A page of the console as an administrator gets it."""


def addresses_of(shown: Shown, run_id: str = "") -> dict[str, str]:
    """By route: an address of every page that a browser shows; a route that is added needs one here.

    Parameters
    ----------
    run_id
        A run of the nightly DAG; the page of a run is left out where there is none.
    """
    night, finding = shown.nights[0], shown.finding()
    record = _linked(shown, f"/quarantine/{night}", "/quarantine/[^/]+/records/")
    known = {
        "/": "/",
        "/nights/{night}": f"/nights/{night}",
        "/findings/{finding_id}": f"/findings/{finding}",
        "/findings/{finding_id}/account": f"/findings/{finding}/account",
        "/queue": "/queue",
        "/cases/{case_id}": _linked(shown, "/queue", "/cases/"),
        "/corrections": "/corrections",
        "/explore": "/explore",
        "/work": "/work",
        "/quarantine": "/quarantine",
        "/quarantine/{night}": f"/quarantine/{night}",
        "/quarantine/{night}/records/{record_id}": record,
        "/models": "/models",
        _RUN: f"/runs/nightly_settlement/{quote(run_id)}",
        "/docs/{path:path}": f"/docs/nights/{night}/index.html",
    }
    missing = {route.path for route in _html_routes()} - known.keys() - NO_PAGES
    assert not missing, f"tests/browser/pages.py lacks an address for {', '.join(sorted(missing))}"
    return {name: f"{BELOW}{address}" for name, address in known.items() if run_id or name != _RUN}


def _linked(shown: Shown, page: str, beginning: str) -> str:
    """The first address that a page links to, of those that begin with a pattern."""
    found = re.search(rf'href="{BELOW}({beginning}[^"?#]+)', shown.html(BELOW + page))
    assert found, f"{page} links to nothing like {beginning}"
    return found[1]


def _html_routes() -> list[Any]:
    from plugins.settlement_console.app import create_app

    return [route for route in create_app().routes if "GET" in route.methods and route.response_class is HTMLResponse]
