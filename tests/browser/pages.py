"""An address for each page of the console, with what there is to be shown on it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi.responses import HTMLResponse

from tests.browser.conftest import Watch

BELOW = "/settlement"
"""The path that the console's pages lie below."""
NO_PAGES = frozenset({"/static/{name}", "/packs/{path:path}", "/models/{selection}"})
"""Routes that give files, and the evidence of a selection, of which this bank never had one."""


def addresses_of(watch: Watch, run_id: str) -> dict[str, str]:
    """By route: an address of every page that a browser shows; a route that is added needs one here.

    Parameters
    ----------
    run_id
        A run of the nightly DAG.
    """
    known = {
        "/": "/",
        "/nights/{night}": f"/nights/{watch.nights[0]}",
        "/findings/{finding_id}": f"/findings/{watch.finding()}",
        "/runs/{dag_id}/{run_id:path}": f"/runs/nightly_settlement/{quote(run_id)}",
        "/explore": "/explore",
        "/models": "/models",
        "/docs/{path:path}": f"/docs/nights/{watch.nights[0]}/index.html",
    }
    missing = {route.path for route in _html_routes()} - known.keys() - NO_PAGES
    assert not missing, f"tests/browser/pages.py lacks an address for {', '.join(sorted(missing))}"
    return {name: f"{BELOW}{address}" for name, address in known.items()}


def _html_routes() -> list[Any]:
    from plugins.settlement_console.app import create_app

    return [route for route in create_app().routes if "GET" in route.methods and route.response_class is HTMLResponse]
