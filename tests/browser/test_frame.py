"""Links to Airflow's own pages lead the window there, out of the frame that the console stands in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from include.settings import get_settings
from tests.browser.visitors import Chromium
from tests.plugins.behind_a_server import answering
from tests.plugins.clients import app_of

FRAME = (
    '<!doctype html><title>Airflow</title><iframe sandbox="allow-downloads allow-forms allow-same-origin allow-scripts"'
    ' src="/settlement/models"></iframe>'
)
"""The frame as Airflow 3.3 puts a view into its page: no pop-ups, and no leading of the window by what stands in it."""
PATIENCE_MS = 60_000


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A page with the console in a frame, and the page of a DAG."""
    monkeypatch.setenv("ADS_LAKE_URI", f"file:{tmp_path}")
    get_settings.cache_clear()
    outer = FastAPI()
    outer.mount("/settlement", app_of("VIEWER", monkeypatch))
    outer.add_api_route("/frame", lambda: HTMLResponse(FRAME))
    outer.add_api_route("/dags/model_selection", lambda: HTMLResponse("<title>the DAG</title>"))
    with answering(outer) as address:
        yield address
    get_settings.cache_clear()


def test_a_link_to_airflow_leaves_the_frame(chromium: Chromium, address: str) -> None:
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}/frame")
    # The script that knows the way out may come after the link.
    page.wait_for_load_state("networkidle")
    page.frame_locator("iframe").get_by_role("link", name="model_selection").click()
    page.wait_for_url(lambda there: urlsplit(there).path == "/dags/model_selection")
    assert page.title() == "the DAG"
    page.close()
