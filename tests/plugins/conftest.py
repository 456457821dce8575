"""A real Airflow, as `make run` starts it, that has published one night of the real bank."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from include.settings import PROJECT_ROOT, Settings, get_settings
from local.airflow_api import Run
from local.postgres import LocalPostgres
from tests.plugins.clients import as_browser, client_of
from tests.plugins.finding.bank import publish_bank
from tests.served import Server, ready, served

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-tests-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "false")
os.environ.setdefault("AIRFLOW__CORE__DAGS_FOLDER", str(PROJECT_ROOT / "dags"))
os.environ.setdefault("AIRFLOW__CORE__PLUGINS_FOLDER", str(PROJECT_ROOT / "plugins"))

NIGHT = date(1993, 1, 13)
OUTSIDE = "not for the browser"
PACK = "earlier"
"""A selection whose evidence lies in the lake beside ways out of it."""


@dataclass(frozen=True)
class Console:
    """A running Airflow with the console in it.

    Attributes
    ----------
    server
        The server, and whoever visits it.
    run
        The one run there is of the nightly DAG.
    """

    server: Server
    run: Run

    @property
    def address(self) -> str:
        """Where it answers."""
        return self.server.address

    def visitor(self) -> httpx.Client:
        """A browser that nobody logged in with."""
        return self.server.visitor()

    def analyst(self) -> httpx.Client:
        """A browser with the UI's cookie of a user who may only read."""
        return self.server.logged_in("viewer")

    def reviewer(self) -> httpx.Client:
        """A browser with the UI's cookie of an investigator, who may also trigger runs."""
        return self.server.logged_in("investigator")

    def admin(self) -> httpx.Client:
        """A browser with the UI's cookie of a user who may do everything."""
        return self.server.logged_in("admin")

    def login(self, login: str) -> httpx.Client:
        """A browser with the UI's cookie of one of the demonstration's logins."""
        return self.server.logged_in(login)


@pytest.fixture(scope="session")
def account_bank(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a lake of a few nights, in which one account has findings."""
    return publish_bank(tmp_path_factory.mktemp("account") / "lake")


@pytest.fixture
def visit(account_bank: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """Makes a browser of somebody with a role, who sees the lake of `account_bank`."""

    def client(role: str, login: str = "ida") -> TestClient:
        browser = as_browser(client_of(role, monkeypatch, login))
        browser.app.dependency_overrides[get_settings] = lambda: account_bank
        return browser

    return client


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory, pkdd: Path, postgres_server: LocalPostgres) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("console")
    settings = {
        "ADS_SOURCE_URI": f"file:{pkdd}",
        "ADS_LAKE_URI": f"file:{folder / 'lake'}",
        "ADS_KEY_FILE": str(folder / "lake.key"),
    }
    with served(folder / "airflow", postgres_server, "console", settings) as server:
        run = ready(server).play(NIGHT)
        (folder / "outside.html").write_text(OUTSIDE)
        _lay_out_pack(folder / "lake" / "selections" / PACK, folder)
        (folder / "lake" / "data_docs" / "way_out.html").symlink_to(folder / "outside.html")
        (folder / "lake" / "data_docs" / "way_out").symlink_to(folder)
        yield Console(server, run)


def _lay_out_pack(pack: Path, outside: Path) -> None:
    pack.mkdir(parents=True)
    (pack / "evidence.md").write_text("# Selection\n")
    (pack / "plot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (pack / "way_out.png").symlink_to(outside / "outside.html")
    (pack / "way_out").symlink_to(outside)
