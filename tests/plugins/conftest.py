"""A real Airflow, as `make run` starts it, that has published one night of the real bank."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import psutil
import pytest
from fastapi.testclient import TestClient

from include.settings import PROJECT_ROOT, Settings, get_settings
from local.airflow_api import AirflowApi, Run
from local.airflow_process import LocalAirflow
from local.postgres import LocalPostgres
from tests.plugins.clients import as_browser, client_of
from tests.plugins.finding.bank import publish_bank

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-tests-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "false")
os.environ.setdefault("AIRFLOW__CORE__DAGS_FOLDER", str(PROJECT_ROOT / "dags"))
os.environ.setdefault("AIRFLOW__CORE__PLUGINS_FOLDER", str(PROJECT_ROOT / "plugins"))

NIGHT = date(1993, 1, 13)
OUTSIDE = "not for the browser"
PACK = "earlier"
"""A selection whose evidence lies in the lake beside ways out of it."""
DAG_ID = "nightly_settlement"
# Idle it takes twenty seconds to start and forty for a night; machines that test are seldom idle.
PATIENCE_SECONDS = 600


@dataclass(frozen=True)
class Console:
    """A running Airflow with the console in it.

    Attributes
    ----------
    address
        Where it answers.
    passwords
        By login.
    run
        The one run there is of the nightly DAG.
    """

    address: str
    passwords: dict[str, str]
    run: Run

    def visitor(self) -> httpx.Client:
        """A browser that nobody logged in with."""
        return httpx.Client(base_url=self.address, timeout=60, trust_env=False)

    def analyst(self) -> httpx.Client:
        """A browser with the UI's cookie of a user who may only read."""
        return self.login("viewer")

    def reviewer(self) -> httpx.Client:
        """A browser with the UI's cookie of an investigator, who may also trigger runs."""
        return self.login("investigator")

    def admin(self) -> httpx.Client:
        """A browser with the UI's cookie of a user who may do everything."""
        return self.login("admin")

    def login(self, login: str) -> httpx.Client:
        """A browser with the UI's cookie of one of the demonstration's logins."""
        browser = self.visitor()
        answer = browser.post("/auth/token", json={"username": login, "password": self.passwords[login]})
        browser.cookies.set("_token", answer.raise_for_status().json()["access_token"])
        return browser


@pytest.fixture(scope="session")
def account_bank(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a lake of a few nights, in which one account has findings."""
    return publish_bank(tmp_path_factory.mktemp("account") / "lake")


@pytest.fixture
def visit(account_bank: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], TestClient]:
    """Makes a browser of somebody with a role, who sees the lake of `account_bank`."""

    def client(role: str) -> TestClient:
        browser = as_browser(client_of(role, monkeypatch))
        browser.app.dependency_overrides[get_settings] = lambda: account_bank
        return browser

    return client


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory, pkdd: Path, postgres_server: LocalPostgres) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("console")
    postgres_server.create_database("console")
    # SQLite answers 503 while the scheduler writes; `make run` has PostgreSQL too.
    airflow = LocalAirflow(folder / "airflow", postgres_server.uri("console", driver="psycopg2"), _free_port())
    settings = {
        "ADS_SOURCE_URI": f"file:{pkdd}",
        "ADS_LAKE_URI": f"file:{folder / 'lake'}",
        "ADS_KEY_FILE": str(folder / "lake.key"),
    }
    try:
        airflow.start({**os.environ, **settings}, is_scheduling=False)
        run = _play_night(airflow)
        (folder / "outside.html").write_text(OUTSIDE)
        _lay_out_pack(folder / "lake" / "selections" / PACK, folder)
        (folder / "lake" / "data_docs" / "way_out.html").symlink_to(folder / "outside.html")
        (folder / "lake" / "data_docs" / "way_out").symlink_to(folder)
        yield Console(airflow.address, airflow.passwords, run)
    finally:
        airflow.stop()
        assert not _processes_of(airflow.home), "the stop left processes behind"


def _lay_out_pack(pack: Path, outside: Path) -> None:
    pack.mkdir(parents=True)
    (pack / "evidence.md").write_text("# Selection\n")
    (pack / "plot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (pack / "way_out.png").symlink_to(outside / "outside.html")
    (pack / "way_out").symlink_to(outside)


def _processes_of(home: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("AIRFLOW_HOME") == str(home):
                found.append(process.pid)
    return found


def _play_night(airflow: LocalAirflow) -> Run:
    """Wait for Airflow, let its scheduler play the night, and give the run."""
    api = AirflowApi(airflow.address, "admin", airflow.passwords["admin"])
    _wait(airflow, api.is_healthy)
    api.log_in()
    _wait(airflow, lambda: api.knows(DAG_ID))
    api.backfill(DAG_ID, NIGHT, NIGHT)
    api.unpause(DAG_ID)
    _wait(airflow, lambda: any(run.state in ("success", "failed") for run in api.runs(DAG_ID, NIGHT, NIGHT)))
    (run,) = api.runs(DAG_ID, NIGHT, NIGHT)
    return run


def _wait(airflow: LocalAirflow, is_so) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        airflow.check_alive()
        assert time.monotonic() < deadline, airflow.log.read_text()[-3000:]
        time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
