"""Runs a selection: one candidate in a process that is ended beyond its limits, or all tasks one after the other."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import date
from typing import Any

from tqdm import tqdm

from include.selection.candidate_worker import peak_mib
from include.selection.compare_task import compare
from include.selection.fold_data import Cost, cost_of, put_cost
from include.selection.plan import CandidateError, Limits, SelectionPlan, work_folder
from include.selection.preparing import prepare
from include.selection.promotion import promote
from include.settings import PROJECT_ROOT

# Seconds between two looks at the process; its own limits bound what it can take in between.
_LOOK_SECONDS = 0.1


def try_candidate(lake_uri: str, selection_id: str, name: str) -> dict[str, Any]:
    """Fit one candidate on every fold and keep what it found and what it cost.

    Trying it again replaces what an earlier try left.

    Parameters
    ----------
    lake_uri, selection_id
        Arguments that `prepare` was given.
    name
        Name of one of the candidates that it returned.

    Returns
    -------
    dict
        `candidate`, `seconds` (fitting and scoring, on one core) and `peak_mib`.

    Raises
    ------
    CandidateError
        When it fails, or takes more time or memory than the plan's limits; the others are not concerned.
    SettingsError
        When the selection has no such candidate.
    """
    folder = work_folder(lake_uri, selection_id)
    plan = SelectionPlan.read(folder)
    plan.candidate(name)
    put_cost(folder, name, Cost(failure="it was not tried to the end"))
    ended = _run_apart(plan.limits, lake_uri, selection_id, name)
    if ended:
        put_cost(folder, name, Cost(failure=ended))
    cost = cost_of(folder, name)
    if cost.failure:
        raise CandidateError(f"candidate {name} of selection {plan.selection} is out: {cost.failure}")
    return {"candidate": name, "seconds": cost.fit_seconds + cost.score_seconds, "peak_mib": cost.peak_mib}


def _run_apart(limits: Limits, lake_uri: str, selection_id: str, name: str) -> str:
    """A sentence that says why the process was ended; empty when it ended by itself and recorded its outcome."""
    command = [sys.executable, "-W", "ignore", "-m", "include.selection.candidate_worker", lake_uri, selection_id, name]
    with subprocess.Popen(command, cwd=PROJECT_ROOT) as process:  # noqa: S603 - our own module
        try:
            reason = _watch(process, limits)
        finally:
            process.kill()  # does nothing when it has ended; an interrupted task leaves no process behind
    return reason


def _watch(process: subprocess.Popen[bytes], limits: Limits) -> str:
    """Wait until the process ends or exceeds its limits; a sentence where it did not end by itself."""
    deadline = time.monotonic() + limits.seconds
    while process.poll() is None:
        if time.monotonic() > deadline:
            return f"it was stopped after the {limits.seconds} seconds it may take"
        if peak_mib(process.pid) > limits.mib:
            return f"it was stopped when it held more than the {limits.mib} MiB it may have"
        time.sleep(_LOOK_SECONDS)
    ended = process.returncode
    return "" if ended in (0, 1) else f"its process was ended by signal {-ended}"


def run_selection(
    source_uri: str, lake_uri: str, before: date, selection_id: str, *, is_promoted: bool = False, by: str = ""
) -> dict[str, Any]:
    """Prepare, try every candidate, compare; and promote, when asked to and the winner is better beyond noise.

    Returns
    -------
    dict
        What `compare` gives, with `promoted`.
    """
    try:
        prepared = prepare(source_uri, lake_uri, before, selection_id)
        for name in tqdm(prepared["candidates"], unit="candidate"):
            try:
                try_candidate(lake_uri, selection_id, name)
            except CandidateError as error:
                tqdm.write(str(error))
        found = compare(lake_uri, source_uri, selection_id)
    finally:
        # Records lie there in the clear, and nobody takes this selection up again.
        work_folder(lake_uri, selection_id).clear()
    promoted = is_promoted and found["is_better"] and found["challenger"] is not None
    if promoted:
        promote(lake_uri, found["challenger"], by=by, why=found["verdict"], champion=found["champion"])
    return {**found, "promoted": promoted}
