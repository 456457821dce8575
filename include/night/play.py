"""Playing nights: all steps of one in order, and again those that late records changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, cast

from include.lake import Lake
from include.lake.night_lock import one_night_at_a_time
from include.lake.retired import retired
from include.night import carried_state
from include.night.extracts import export_extracts
from include.night.finish import publish, report
from include.night.handoffs import Restated, RunStart
from include.night.late import STATE_TOTALS, LateChange, known_totals, late_changes
from include.night.request import NightRequest
from include.night.results import NightResult, RestateResult, Step
from include.night.scoring import score
from include.night.steps import check_settlement, extract, validate
from include.night.workspace import Workspace

Say = Callable[[str], None]


def _silent(_: str) -> None:
    """Say nothing."""


def restate_late_nights(request: NightRequest, progress: Say = _silent) -> RestateResult:
    """Play again the published nights within the look-back whose records changed since, and those after them.

    Runs on the totals that `extract` took. A night rests on the state of the one before it, so every night from the
    oldest changed one up to the eve of this night is played, in order. A change before the first night there is was
    part of the history that the first night's state was built from: that night is played again.
    """
    lake, workspace = Lake.open(request.lake_uri, request.settings), Workspace.of(request)
    changed = _changes(request.night, RunStart.load(workspace), lake)
    restated = _restated(request, changed, lake)
    for night in restated.nights:
        progress(f"{night} is restated: its records changed at the source since it was published")
        again = replace(request, night=night, attempt=f"{request.attempt}.restated")
        _play(again, _STEPS_OF_A_NIGHT, progress)
    restated.save(workspace)
    return {"restated": [night.isoformat() for night in restated.nights], "late": list(restated.late)}


def _changes(night: date, start: RunStart, lake: Lake) -> list[LateChange]:
    before = night - carried_state.ONE_DAY
    # Where retention removed the totals of long ago, there is nothing to compare with.
    if not carried_state.has_predecessor(lake, night) or STATE_TOTALS.name in retired(lake, before):
        return []
    return late_changes(known_totals(lake, night), start.totals, night)


def _restated(request: NightRequest, changed: list[LateChange], lake: Lake) -> Restated:
    """The nights that are to be played again, and what is told of changes too old for that."""
    night, days = request.night, request.settings.restate_days
    since = night - timedelta(days=days)
    recent = [change.day for change in changed if change.day >= since]
    older = [change.sentence(days) for change in changed if change.day < since]
    return Restated(_nights_to_restate(night, recent, lake), tuple(older))


def _nights_to_restate(night: date, changed: list[date], lake: Lake) -> tuple[date, ...]:
    if not changed:
        return ()
    oldest = max(min(changed), carried_state.first_night_of(lake, night))
    return tuple(oldest + timedelta(days=n) for n in range((night - oldest).days))


_STEPS_OF_A_NIGHT: tuple[tuple[str, Step], ...] = (
    ("extract", extract),
    ("validate", validate),
    ("check_settlement", check_settlement),
    ("score", score),
    ("publish", publish),
    ("report", report),
)

EXPORT = "export_extracts"

STEPS: tuple[tuple[str, Step], ...] = (
    _STEPS_OF_A_NIGHT[0],
    ("restate_late_nights", restate_late_nights),
    *_STEPS_OF_A_NIGHT[1:-1],
    # Of the nights that were restated, too: it writes every extract that is not of the published run.
    (EXPORT, export_extracts),
    _STEPS_OF_A_NIGHT[-1],
)
"""The steps of a night in their order, under the names of the DAG's tasks."""

_WIDEST = max(len(name) for name, _ in STEPS)


def run_night(request: NightRequest, progress: Say = _silent) -> NightResult:
    """Play one night from its source to its published findings; a night that is played in the same lake is waited for.

    Returns
    -------
    dict
        The summary of the published night, as its manifest keeps it, with `run_key` and `output_hash`.
    """
    with one_night_at_a_time(request.lake_uri, request.night, progress):
        return _play(request, STEPS, progress)


def _run(name: str, step: Step, request: NightRequest, progress: Say) -> Mapping[str, Any]:
    """Run one step; the export of a night that is published may fail in any way, which its report tells."""
    try:
        return step(request)
    except Exception as error:
        if name != EXPORT:
            raise
        progress(f"{request.night} {name}: {error}")
        return {}


def _play(request: NightRequest, steps: tuple[tuple[str, Step], ...], progress: Say) -> NightResult:
    results: dict[str, Mapping[str, Any]] = {}
    try:
        for name, step in steps:
            began = time.monotonic()
            results[name] = _run(name, step, request, progress)
            progress(f"{request.night} {name:<{_WIDEST}} {time.monotonic() - began:6.2f} s")
    finally:
        # Nobody takes a run up again that ended within this process, and records lie in its folder in the clear.
        Workspace.of(request).clear()
    told = {**results["publish"], "settlement_date": request.night.isoformat(), **results["report"]}
    return cast("NightResult", told)
