"""The runs of the nightly DAG as Airflow has them: which nights stopped, and which are under way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from airflow.models.dagrun import DagRun
from sqlalchemy import select

from include.dag_ids import NIGHTLY_SETTLEMENT
from include.settings import DEFAULT_PLACE
from plugins.settlement_console.run_results import Run

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_RUNS = 400
"""Largest number of runs that are looked at, the newest first: more than the calendar has days."""


@dataclass(frozen=True)
class NightRun:
    """The newest run of a night.

    Attributes
    ----------
    run_id
        Its id in Airflow.
    state
        Its state there: queued, running, success or failed.
    ended_at
        When it ended; None while it has not.
    """

    run_id: str
    state: str
    ended_at: datetime | None

    @property
    def has_stopped(self) -> bool:
        """Whether it ended without publishing."""
        return self.state == "failed"

    @property
    def is_under_way(self) -> bool:
        """Whether it may still publish."""
        return self.state in ("queued", "running")


def newest_runs(session: Session) -> dict[date, NightRun]:
    """The newest run of each night that was asked for lately, on the installation's own lake."""
    query = select(DagRun).where(DagRun.dag_id == NIGHTLY_SETTLEMENT).order_by(DagRun.id.desc()).limit(MOST_RUNS)
    found: dict[date, NightRun] = {}
    for row in session.scalars(query):
        run = Run.of(row, ())
        night = _date(run.night)
        if night is not None and run.lakes == {DEFAULT_PLACE}:
            found.setdefault(night, NightRun(run.run_id, run.state, run.ended_at))
    return found


def _date(text: str) -> date | None:
    """A date as the run names it; None where somebody typed another text."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
