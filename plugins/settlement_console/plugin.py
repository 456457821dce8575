"""The Airflow plugin of the console: its pages, the sidebar's entries, a tab on each run, and the nights' timetable."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from include.orchestration import SettlementNights
from include.settings import get_settings
from plugins.settlement_console.notes import RunNotes

URL_PREFIX = "/settlement"


def _address(path: str) -> str:
    """The address of a console page for the browser, below the path under which Airflow itself is served."""
    return urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/") + URL_PREFIX + path


class SettlementConsole(AirflowPlugin):
    """The settlement console."""

    # ruff: noqa: RUF012 - class attributes are how Airflow's plugins declare what they add
    name = "settlement_console"
    timetables = [SettlementNights]
    listeners = [RunNotes()]
    external_views = [
        {
            "name": "Settlement",
            "href": _address("/"),
            "url_route": "settlement",
            "destination": "nav",
            "nav_top_level": True,
        },
        {
            "name": "Queue",
            "href": _address("/queue"),
            "url_route": "settlement-queue",
            "destination": "nav",
            "nav_top_level": True,
        },
        {
            "name": "Models",
            "href": _address("/models"),
            "url_route": "settlement-models",
            "destination": "nav",
            "nav_top_level": True,
        },
        {
            "name": "Data Docs",
            "href": _address("/docs/"),
            "url_route": "settlement-data-docs",
            "destination": "nav",
            "nav_top_level": True,
        },
        {
            "name": "Nights",
            "href": _address("/"),
            "url_route": "settlement-nights",
            "destination": "dag",
        },
        {
            "name": "Outcome",
            "href": _address("/runs/{DAG_ID}/{RUN_ID}"),
            "url_route": "settlement-outcome",
            "destination": "dag_run",
        },
    ]

    # Every task loads the plugins; only the server needs the pages, whose imports take over a second.
    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The pages, built when the server asks for them."""
        from plugins.settlement_console.app import create_app

        return [{"app": create_app(), "url_prefix": URL_PREFIX, "name": "Settlement console"}]

    @cached_property
    def fastapi_root_middlewares(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The middlewares before the whole server."""
        from plugins.settlement_console.logins import SlowWrongLogins

        most = get_settings().wrong_logins_per_minute
        return [{"middleware": SlowWrongLogins, "kwargs": {"most": most}, "name": "Slow wrong logins"}]
