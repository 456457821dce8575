"""The outcome of one run of the nightly DAG: the lake decides what is published; values in XCom only inform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from plugins.settlement_console.lake_says import NightSays
from plugins.settlement_console.run_results import RunResults
from plugins.settlement_console.told import UNVERIFIED

_HOW = {"queued": "waiting", "running": "running", "failed": "not published"}
_FIRST = {
    "rows_in": "Records in",
    "quarantined": "Quarantined",
    "breaks": "Breaks",
    "flagged": "Flagged",
}
"""Names of a night's figures, by their key in the steps' results and in the manifest's summary."""
_DEEPEST = 2
"""Deepest nesting of figures in others; no step writes deeper ones."""
_LONGEST = 4000
"""Largest number of characters of one figure: enough for all warnings of a night."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class RunSummary:
    """One run, for people.

    Attributes
    ----------
    night
        Settlement date that was asked for.
    state
        State in Airflow: queued, running, success or failed.
    steps
        Figures that each task returned, by task id, in the order of finishing. Users who may write XCom may have
        changed them.
    failures
        Pairs of task id and sentence for each task whose last attempt failed.
    lake
        The lake's record of the night.
    """

    run_id: str
    night: str
    state: str
    steps: dict[str, dict[str, Any]]
    failures: list[tuple[str, str]]
    lake: NightSays

    @property
    def is_running(self) -> bool:
        """Whether more figures will come."""
        return self.state in ("queued", "running")

    @property
    def has_docs(self) -> bool:
        """Whether the night has a page in Data Docs: the gates leave one when they refuse, the report otherwise."""
        if not _DATE.fullmatch(self.night):
            return False
        return "report" in self.steps or any(task_id in ("validate", "score") for task_id, _ in self.failures)

    @property
    def headline(self) -> str:
        """One line with the night and its status."""
        return f"Night {self.night}: {_HOW.get(self.state) or self._how_it_ended}"

    @property
    def _how_it_ended(self) -> str:
        """The words for a run that Airflow calls a success, which any run is when its tasks are marked as done."""
        if self.lake.trouble:
            return f"ended; {self.lake.trouble}"
        return "published" if self.lake.summary else "ended, and the lake holds no such night"

    @property
    def figures(self) -> dict[str, str]:
        """The figures that a person looks for first, by name."""
        found = {name: self._figure(key) for key, name in _FIRST.items()}
        return {name: _readable(value) for name, value in found.items() if value is not None}

    @property
    def doubt(self) -> str:
        """A sentence of doubt about the figures; empty where they come from the lake."""
        return "" if self._is_the_lakes or not self.figures else ": ".join(UNVERIFIED)

    @property
    def _is_the_lakes(self) -> bool:
        return self.state == "success"

    @property
    def readable_steps(self) -> dict[str, dict[str, str]]:
        """The figures of each step, without those that are empty or shown above."""
        return {task_id: dict(_flat(figures)) for task_id, figures in self.steps.items()}

    def _figure(self, key: str) -> Any:  # noqa: ANN401 - whatever JSON the steps left
        """The published night's figure, or that of the last step that wrote one under this name while there is none."""
        if self._is_the_lakes:
            return self.lake.summary.get(key)
        return next((step[key] for step in reversed(list(self.steps.values())) if key in step), None)


def _readable(value: Any) -> str:  # noqa: ANN401 - whatever JSON the steps left
    """A figure in readable form; breaks, which are given by check code, are summed."""
    if isinstance(value, dict) and all(isinstance(count, int) for count in value.values()):
        return f"{sum(value.values()):,}"
    if isinstance(value, list):
        return "; ".join(map(str, value))[:_LONGEST]
    return f"{value:,}" if isinstance(value, int) else str(value)[:_LONGEST]


def _flat(figures: dict[str, Any], before: str = "", deeper: int = _DEEPEST) -> Iterator[tuple[str, str]]:
    """Pairs of name and figure; nested figures get combined names such as `breaks fee_amount`."""
    for key, value in figures.items():
        name = f"{before} {key}".strip()
        if isinstance(value, dict) and deeper:
            yield from _flat(value, name, deeper - 1)
        elif value not in (None, [], "") and key != "settlement_date":
            yield name, _readable(value)


def run_summary(left: RunResults, lake: NightSays) -> RunSummary:
    """The summary of a run of the nightly DAG."""
    run = left.run
    return RunSummary(run.run_id, run.night, run.state, left.returned, left.failures, lake)
