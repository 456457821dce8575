"""Fits and scores one candidate on every fold, in a process of its own.

`python -m include.selection.candidate_worker LAKE SELECTION CANDIDATE` starts it.

The process bounds its own memory and time, so that one candidate takes nothing from the others.
"""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.errors import SettlementError
from include.lake.work_folder import WorkFolder
from include.models.detectors import detector_class
from include.selection.candidates import Candidate
from include.selection.fold_data import LEARNING, NIGHTS, Cost, SharedFold, put_cost, put_exponents, round_name
from include.selection.plan import Fold, Limits, SelectionPlan, work_folder
from include.training.confirmed_frauds import KIND
from include.training.fitting import Fitted, fit_on

SLACK_MIB = 512
"""Memory that a process may reserve beyond its limit: not all that is reserved is used."""
_MIB = 2**20
_LOG = logging.getLogger(__name__)


def main(lake_uri: str, selection_id: str, name: str) -> int:
    """Fit a candidate within the plan's limits; 0 when it succeeded, 1 with the reason in its cost when not."""
    folder = work_folder(lake_uri, selection_id)
    plan = SelectionPlan.read(folder)
    _bound(plan.limits)
    try:
        cost = run(folder, plan, plan.candidate(name))
    except MemoryError:
        cost = Cost(peak_mib=peak_mib(), failure=f"it asked for more than the {plan.limits.mib} MiB it may have")
    except Exception as error:
        _LOG.exception("candidate %s of selection %s is out", name, plan.selection)
        cost = Cost(peak_mib=peak_mib(), failure=_told(error))
    put_cost(folder, name, cost)
    return 1 if cost.failure else 0


def _told(error: Exception) -> str:
    """The failure as a sentence for people; of an unforeseen error only the type: its text may hold a record."""
    kind, is_ours = type(error).__name__, isinstance(error, SettlementError)
    return f"{kind}: {error}" if is_ours else f"{kind}, whose text is in the log of its task"


def run(folder: WorkFolder, plan: SelectionPlan, candidate: Candidate) -> Cost:
    """Fit the candidate on every fold and keep the rarity that it gives to every row it is measured on."""
    clock = _Clock()
    for fold in plan.folds:
        _run_fold(SharedFold(folder, fold.number), fold, candidate, plan, clock)
    return Cost(clock.fitting, clock.scoring, peak_mib())


def peak_mib(process: int | str = "self") -> float:
    """The most memory that a program held (Linux), in MiB; 0 when it has ended.

    getrusage also counts what the process was before it became this program.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


class _Clock:
    """Seconds spent on fitting and on scoring."""

    def __init__(self) -> None:
        self.fitting = 0.0
        self.scoring = 0.0

    @contextmanager
    def on(self, work: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        setattr(self, work, getattr(self, work) + time.monotonic() - began)


def _run_fold(shared: SharedFold, fold: Fold, candidate: Candidate, plan: SelectionPlan, clock: _Clock) -> None:
    seed = plan.fit_seed(fold.number)
    context = shared.context(candidate, seed)
    recipe = candidate.recipe(plan.recipe)
    learns = detector_class(candidate.detector).learns_from_examples
    left_out = frozenset() if candidate.uses_confirmed else frozenset({KIND})
    splits = (left_out, *(half | left_out for half in fold.held_out_kinds if learns))
    with clock.on("fitting"):
        fits = [fit_on(context, shared.examples(context, missing), recipe, seed) for missing in splits]
    with clock.on("scoring"):
        put_exponents(shared.folder, candidate.name, fold.number, LEARNING, fits[0].exponents[candidate.detector])
        _score(shared, candidate, NIGHTS, fits[:1])
        for number in range(1, len(fold.seeds) + 1):
            _score(shared, candidate, round_name(number), fits)


def _score(shared: SharedFold, candidate: Candidate, rows: str, fits: list[Fitted]) -> None:
    values = shared.values(rows, fits[0].preparation)
    exponents, *without = (fitted.rarities(values)[candidate.detector] for fitted in fits)
    put_exponents(shared.folder, candidate.name, shared.number, rows, exponents, without)


def _bound(limits: Limits) -> None:
    """Limit memory and processor time of this process, in case the parent that watches it is slow or gone."""
    _set_limit(resource.RLIMIT_DATA, (limits.mib + SLACK_MIB) * _MIB)
    _set_limit(resource.RLIMIT_CPU, limits.seconds)


def _set_limit(of: int, most: int) -> None:
    _, hard = resource.getrlimit(of)
    resource.setrlimit(of, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
