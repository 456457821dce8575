"""A client for the few calls of Airflow's public API that `make run` needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx

_ESCAPED = re.compile(r"\\([^\w\s])")


@dataclass(frozen=True)
class Run:
    """One run of a DAG.

    Attributes
    ----------
    night
        Settlement date, which is the day of the run's logical date.
    state
        State of the run: queued, running, success or failed.
    note
        Summary in Markdown that was written at the run's end.
    """

    run_id: str
    night: date | None
    state: str
    note: str

    @property
    def summary(self) -> str:
        """The note as plain text, without its link; the state where there is none."""
        plain = self.note.partition(" · [")[0].replace("**", "")
        return _ESCAPED.sub(r"\1", plain) or f"{self.run_id}: {self.state}"


class AirflowApi:
    """A client that logs in when needed.

    Parameters
    ----------
    address
        Address of the UI, such as `http://localhost:8080`.
    login, password
        Name and password of a user who may trigger runs.
    """

    def __init__(self, address: str, login: str, password: str) -> None:
        self._http = httpx.Client(base_url=address, timeout=30, trust_env=False)
        self._credentials = {"username": login, "password": password}

    def is_healthy(self) -> bool:
        """Whether scheduler and DAG processor have reported, and the server answers."""
        try:
            health = self._http.get("/api/v2/monitor/health").json()
        except (httpx.HTTPError, ValueError):
            return False
        return all(health.get(part, {}).get("status") == "healthy" for part in ("scheduler", "dag_processor"))

    def log_in(self) -> None:
        """Get a token; it lasts a day."""
        answer = self._http.post("/auth/token", json=self._credentials)
        self._http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    def knows(self, dag_id: str) -> bool:
        """Whether the DAG has been parsed."""
        return self._http.get(f"/api/v2/dags/{dag_id}").status_code == httpx.codes.OK

    def import_errors(self) -> list[str]:
        """The errors that prevented DAG files from being parsed."""
        return [error["stack_trace"] for error in self._get("/api/v2/importErrors")["import_errors"]]

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run the DAG."""
        self._http.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": False}).raise_for_status()

    def backfill(self, dag_id: str, first: date, last: date) -> None:
        """Queue a run for each date from `first` to `last`, in order; failed runs are repeated."""
        order = {
            "dag_id": dag_id,
            "from_date": f"{first}T00:00:00Z",
            "to_date": f"{last}T00:00:00Z",
            "max_active_runs": 1,
            "reprocess_behavior": "failed",
        }
        self._http.post("/api/v2/backfills", json=order).raise_for_status()

    def runs(self, dag_id: str, first: date, last: date) -> list[Run]:
        """The runs whose logical dates lie in [first, last], in order."""
        bounds = {"logical_date_gte": f"{first}T00:00:00Z", "logical_date_lte": f"{last}T00:00:00Z", "limit": "1000"}
        found = self._get(f"/api/v2/dags/{dag_id}/dagRuns", **bounds)["dag_runs"]
        runs = [Run(run["dag_run_id"], _day(run["logical_date"]), run["state"], run["note"] or "") for run in found]
        return sorted(runs, key=lambda run: (run.night or date.min, run.run_id))

    def running_tasks(self, dag_id: str) -> list[str]:
        """The tasks that are running now, with their nights."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/~/taskInstances"
        tasks = self._get(path, state="running")["task_instances"]
        return [f"{_day(task['logical_date'])} {task['task_id']}" for task in tasks]

    def _get(self, path: str, **bounds: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._http.get(path, params=bounds).raise_for_status().json()
        return answer


def _day(moment: str | None) -> date | None:
    return date.fromisoformat(moment[:10]) if moment else None
