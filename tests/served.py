"""A real Airflow, as `make run` starts it, for the tests that look at the console through it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import psutil

from local.airflow_api import AirflowApi, Run
from local.airflow_process import LocalAirflow
from local.postgres import LocalPostgres

DAG_ID = "nightly_settlement"
# Idle it takes twenty seconds to start and forty for a night; machines that test are seldom idle.
PATIENCE_SECONDS = 600
_ENDED = ("success", "failed")


@dataclass(frozen=True)
class Server:
    """A running Airflow with the console in it.

    Attributes
    ----------
    airflow
        Its processes.
    api
        Its public API, as the administrator uses it.
    """

    airflow: LocalAirflow
    api: AirflowApi

    @property
    def address(self) -> str:
        """Where it answers."""
        return self.airflow.address

    def visitor(self) -> httpx.Client:
        """A client that nobody logged in with."""
        return httpx.Client(base_url=self.address, timeout=60, trust_env=False)

    def token(self, login: str) -> str:
        """What the UI's cookie holds once somebody has logged in."""
        credentials = {"username": login, "password": self.airflow.passwords[login]}
        with self.visitor() as client:
            return str(client.post("/auth/token", json=credentials).raise_for_status().json()["access_token"])

    def logged_in(self, login: str) -> httpx.Client:
        """A client with the UI's cookie of somebody."""
        client = self.visitor()
        client.cookies.set("_token", self.token(login))
        return client

    def play(self, night: date) -> Run:
        """Let the scheduler play a night, and give its newest run."""
        self.wait(lambda: self._is_queued(night))
        self.api.unpause(DAG_ID)
        self.wait(lambda: any(run.state in _ENDED for run in self.api.runs(DAG_ID, night, night)))
        return self.api.runs(DAG_ID, night, night)[-1]

    def play_early(self, night: date) -> Run:
        """Let the scheduler play a night that has not ended yet, as somebody does who triggers a run for it."""
        order = {"logical_date": None, "conf": {"date": str(night)}}
        with self.logged_in("admin") as admin:
            runs = f"/api/v2/dags/{DAG_ID}/dagRuns"
            run_id = admin.post(runs, json=order).raise_for_status().json()["dag_run_id"]
            self.api.unpause(DAG_ID)
            self.wait(lambda: admin.get(f"{runs}/{run_id}").json()["state"] in _ENDED)
            ended = admin.get(f"{runs}/{run_id}").json()
        return Run(run_id, night, ended["state"], ended["note"] or "")

    def _is_queued(self, night: date) -> bool:
        """Queue the night, unless the backfill before it is not yet put away, which the scheduler does in its time."""
        try:
            self.api.backfill(DAG_ID, night, night)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.CONFLICT:
                raise
            return False
        return True

    def wait(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so, as long as Airflow lives."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            self.airflow.check_alive()
            assert time.monotonic() < deadline, self.airflow.log.read_text()[-3000:]
            time.sleep(0.5)


@contextmanager
def served(home: Path, postgres: LocalPostgres, database: str, settings: Mapping[str, str]) -> Iterator[Server]:
    """A server with metadata of its own; whoever plays a night waits for it first, see `ready`."""
    postgres.create_database(database)
    # SQLite answers 503 while the scheduler writes; `make run` has PostgreSQL too.
    airflow = LocalAirflow(home, postgres.uri(database, driver="psycopg2"), _free_port())
    try:
        airflow.start({**os.environ, **settings}, is_scheduling=False)
        yield Server(airflow, AirflowApi(airflow.address, "admin", airflow.passwords["admin"]))
    finally:
        airflow.stop()
        assert not _processes_of(home), "the stop left processes behind"


def ready(server: Server) -> Server:
    """The server, once it is healthy and knows the nightly DAG."""
    server.wait(server.api.is_healthy)
    server.api.log_in()
    server.wait(lambda: server.api.knows(DAG_ID))
    return server


def _processes_of(home: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("AIRFLOW_HOME") == str(home):
                found.append(process.pid)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
