"""Playing nights: all steps of one in order, and again those that late records changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from include.lake import Lake
from include.lake.night_lock import one_night_at_a_time
from include.night import carried_state
from include.night.finish import publish, report
from include.night.late import LateChange, known_totals, late_changes
from include.night.request import NightRequest
from include.night.steps import extract, gate, score, settle
from include.night.workspace import Workspace
from include.settings import get_settings

Figures = dict[str, Any]
Say = Callable[[str], None]


def _silent(_: str) -> None:
    """Say nothing."""


def restate(request: NightRequest, progress: Say = _silent) -> Figures:
    """Play again the published nights within the look-back whose records changed since, and those after them.

    Runs on the totals that `extract` took. A night rests on the state of the one before it, so every night from the
    oldest changed one up to the eve of this night is played, in order. A change before the first night there is was
    part of the history that the first night's state was built from: that night is played again.
    """
    lake, workspace = Lake.open(request.lake_uri), Workspace.of(request)
    changed = _changes(request, lake, workspace)
    since = request.night - timedelta(days=get_settings().restate_days)
    nights = _nights_to_restate(request, lake, [change.day for change in changed if change.day >= since])
    for night in nights:
        progress(f"{night} is restated: its records changed at the source since it was published")
        again = NightRequest(night, request.source_uri, request.lake_uri, f"{request.attempt}.restated")
        _play(again, _STEPS_OF_A_NIGHT, progress)
    older = [change.sentence(get_settings().restate_days) for change in changed if change.day < since]
    figures = {"restated": [night.isoformat() for night in nights], "late": older}
    workspace.note("restate", figures)
    return figures


def _changes(request: NightRequest, lake: Lake, workspace: Workspace) -> list[LateChange]:
    if not carried_state.has_predecessor(lake, request.night):
        return []
    return late_changes(known_totals(lake, request.night), workspace.get("totals"), request.night)


def _nights_to_restate(request: NightRequest, lake: Lake, changed: list[date]) -> list[date]:
    if not changed:
        return []
    oldest = max(min(changed), carried_state.first_night_of(lake, request.night))
    return [oldest + timedelta(days=n) for n in range((request.night - oldest).days)]


_STEPS_OF_A_NIGHT: tuple[tuple[str, Callable[[NightRequest], Figures]], ...] = (
    ("extract", extract),
    ("gate", gate),
    ("settle", settle),
    ("score", score),
    ("publish", publish),
    ("report", report),
)

STEPS: tuple[tuple[str, Callable[[NightRequest], Figures]], ...] = (
    _STEPS_OF_A_NIGHT[0],
    ("restate", restate),
    *_STEPS_OF_A_NIGHT[1:],
)
"""The steps of a night by name, in their order."""


def run_night(request: NightRequest, progress: Say = _silent) -> Figures:
    """Play one night from its source to its published findings; a night that is played in the same lake is waited for.

    Returns
    -------
    dict
        The summary of the published night, as its manifest keeps it, with `run_key` and `output_hash`.
    """
    with one_night_at_a_time(request.lake_uri, request.night, progress):
        return _play(request, STEPS, progress)


def _play(
    request: NightRequest, steps: tuple[tuple[str, Callable[[NightRequest], Figures]], ...], progress: Say
) -> Figures:
    figures: Figures = {}
    try:
        for name, step in steps:
            began = time.monotonic()
            figures[name] = step(request)
            progress(f"{request.night} {name:<8} {time.monotonic() - began:6.2f} s")
    finally:
        # Nobody takes a run up again that ended within this process, and records lie in its folder in the clear.
        Workspace.of(request).clear()
    return {**figures["publish"], "settlement_date": request.night.isoformat(), **figures["report"]}
