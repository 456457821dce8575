"""What one run of the nightly DAG came to: published is what the lake holds; what tasks left in XCom only informs."""

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
"""The figures of a night by their key in what the steps return, and in the manifest's summary."""
_DEEPEST = 2
"""How far figures lie in others: no step leaves more."""
_LONGEST = 4000
"""Characters of one figure: a night's warnings, put together."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class RunSummary:
    """One run, for people.

    Attributes
    ----------
    night
        The settlement date asked for.
    state
        Airflow's: queued, running, success or failed.
    steps
        Task id -> the figures it returned, in the order they finished. Whoever may write XCom may have changed them.
    failures
        (task id, sentence) of each task that failed last time it was tried.
    lake
        What the lake holds of the night.
    """

    run_id: str
    night: str
    state: str
    steps: dict[str, dict[str, Any]]
    failures: list[tuple[str, str]]
    lake: NightSays

    @property
    def is_running(self) -> bool:
        """Whether figures are still to come."""
        return self.state in ("queued", "running")

    @property
    def has_docs(self) -> bool:
        """Whether the night has a page in Data Docs: the gates leave one when they refuse, the report otherwise."""
        if not _DATE.fullmatch(self.night):
            return False
        return "report" in self.steps or any(task_id in ("validate", "score") for task_id, _ in self.failures)

    @property
    def headline(self) -> str:
        """One line: which night, and how it stands."""
        return f"Night {self.night}: {_HOW.get(self.state) or self._how_it_ended}"

    @property
    def _how_it_ended(self) -> str:
        """What is said of a run that Airflow calls a success; marking its tasks as done makes any run one."""
        if self.lake.trouble:
            return f"ended; {self.lake.trouble}"
        return "published" if self.lake.summary else "ended, and the lake holds no such night"

    @property
    def figures(self) -> dict[str, str]:
        """What a person looks for first, by its name."""
        found = {name: self._figure(key) for key, name in _FIRST.items()}
        return {name: _readable(value) for name, value in found.items() if value is not None}

    @property
    def doubt(self) -> str:
        """What is said of the figures; empty where they are the lake's."""
        return "" if self._is_the_lakes or not self.figures else ": ".join(UNVERIFIED)

    @property
    def _is_the_lakes(self) -> bool:
        return self.state == "success"

    @property
    def readable_steps(self) -> dict[str, dict[str, str]]:
        """What each step left, without what is empty or said above."""
        return {task_id: dict(_flat(figures)) for task_id, figures in self.steps.items()}

    def _figure(self, key: str) -> Any:  # noqa: ANN401 - whatever JSON the steps left
        """The published night's figure; while there is none, that of the last step that left one under this name."""
        if self._is_the_lakes:
            return self.lake.summary.get(key)
        return next((step[key] for step in reversed(list(self.steps.values())) if key in step), None)


def _readable(value: Any) -> str:  # noqa: ANN401 - whatever JSON the steps left
    """A figure as people read it; breaks come by check code, and are summed."""
    if isinstance(value, dict) and all(isinstance(count, int) for count in value.values()):
        return f"{sum(value.values()):,}"
    if isinstance(value, list):
        return "; ".join(map(str, value))[:_LONGEST]
    return f"{value:,}" if isinstance(value, int) else str(value)[:_LONGEST]


def _flat(figures: dict[str, Any], before: str = "", deeper: int = _DEEPEST) -> Iterator[tuple[str, str]]:
    """Named figures with those inside of others spelled out: `breaks fee_amount`."""
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
