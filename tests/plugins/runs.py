"""A run as Airflow records it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from plugins.settlement_console.run_results import Run

MADE, ENDED = datetime(1994, 2, 1, 2, tzinfo=UTC), datetime(1994, 2, 1, 3, tzinfo=UTC)
"""Between which `a_run` was there."""


def a_run(dag_id: str = "nightly_settlement", state: str = "success", conf: dict[str, Any] | None = None) -> Run:
    """A run about the installation's own lake."""
    ended = None if state == "running" else ENDED
    return Run(dag_id, "manual__1", state, conf or {}, frozenset({"default"}), "1994-01-31", MADE, ended)
