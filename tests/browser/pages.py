"""An address for each page of the console, with what there is to be shown on it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from fastapi.responses import HTMLResponse

from tests.browser.conftest import Watch

BELOW = "/settlement"
"""The path that the console's pages lie below."""
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


def addresses_of(watch: Watch, run_id: str) -> dict[str, str]:
    """By route: an address of every page that a browser shows; a route that is added needs one here.

    Parameters
    ----------
    run_id
        A run of the nightly DAG.
    """
    night, finding = watch.nights[0], watch.finding()
    record = _linked(watch, f"/quarantine/{night}", "/quarantine/[^/]+/records/")
    known = {
        "/": "/",
        "/nights/{night}": f"/nights/{night}",
        "/findings/{finding_id}": f"/findings/{finding}",
        "/findings/{finding_id}/account": f"/findings/{finding}/account",
        "/queue": "/queue",
        "/cases/{case_id}": _linked(watch, "/queue", "/cases/"),
        "/corrections": "/corrections",
        "/explore": "/explore",
        "/work": "/work",
        "/quarantine": "/quarantine",
        "/quarantine/{night}": f"/quarantine/{night}",
        "/quarantine/{night}/records/{record_id}": record,
        "/models": "/models",
        "/runs/{dag_id}/{run_id:path}": f"/runs/nightly_settlement/{quote(run_id)}",
        "/docs/{path:path}": f"/docs/nights/{night}/index.html",
    }
    missing = {route.path for route in _html_routes()} - known.keys() - NO_PAGES
    assert not missing, f"tests/browser/pages.py lacks an address for {', '.join(sorted(missing))}"
    return {name: f"{BELOW}{address}" for name, address in known.items()}


def _linked(watch: Watch, page: str, beginning: str) -> str:
    """The first address that a page links to, of those that begin with a pattern."""
    with watch.server.logged_in("admin") as admin:
        shown = admin.get(BELOW + page).raise_for_status().text
    found = re.search(rf'href="{BELOW}({beginning}[^"?#]+)', shown)
    assert found, f"{page} links to nothing like {beginning}"
    return found[1]


def _html_routes() -> list[Any]:
    from plugins.settlement_console.app import create_app

    return [route for route in create_app().routes if "GET" in route.methods and route.response_class is HTMLResponse]
