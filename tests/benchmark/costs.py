"""Seconds of each detector alone, and how a process asks for its memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.evaluation.rounds import InjectedSample
from include.features.sequences import window_matrix
from include.models.base import Detector, Examples, Matrix
from include.models.model import Model
from include.training.fitting import MAX_ROWS_BESIDE_EXAMPLES, MAX_TRAINING_ROWS, sample_rows
from include.training.split import WARM_UP_DAYS
from tests.benchmark.banks import Bench
from tests.benchmark.rankings import plain_ranker
from tests.benchmark.trained import SEED

MOST_WINDOWS = 100_000
"""Rows that are scored for the cost, at most."""


def costs(bench: Bench, model: Model, round_: InjectedSample) -> list[dict[str, Any]]:
    """Fit anew what each detector of the model was fitted on, and score the window; one row a detector."""
    first = bench.features["settlement_date"][0].as_py() + timedelta(days=WARM_UP_DAYS)
    past, window = bench.nights(first, bench.before), bench.window.slice(0, MOST_WINDOWS)
    rows = [_cost(member.detector, model, past, window, round_) for member in model.members]
    ranker = plain_ranker(past, SEED)
    fitting, scoring = seconds(lambda: plain_ranker(past, SEED)), seconds(lambda: ranker(window))
    return [*rows, _row("both plain", fitting, scoring, window.num_rows)]


def _cost(detector: Detector, model: Model, past: pa.Table, window: pa.Table, round_: InjectedSample) -> dict[str, Any]:
    fresh = type(detector)(**detector.parameters())
    most = MAX_ROWS_BESIDE_EXAMPLES if detector.learns_from_examples else MAX_TRAINING_ROWS
    rows, night = _seen(detector, model, past), _seen(detector, model, window)
    examples = None
    if detector.learns_from_examples:
        planted = _seen(detector, model, round_.positives)
        examples = Examples(planted, planted[:, 0] * 0 + 1)
    whole = detector.sees == "windows"
    fitting = seconds(lambda: fresh.fit(rows if whole else sample_rows(rows, most, SEED), examples))
    return _row(detector.name, fitting, seconds(lambda: fresh.score(night)), window.num_rows)


def _seen(detector: Detector, model: Model, features: pa.Table) -> Matrix:
    """The rows of a feature table as the detector sees them."""
    if detector.sees == "windows":
        return window_matrix(features)
    return model.preparation.view(model.preparation.apply(model.values(features)), detector.sees)


def _row(name: str, fitting: float, scoring: float, rows: int) -> dict[str, Any]:
    return {"detector": name, "fit_s": fitting, "score_s_per_100k": 100_000 * scoring / rows}


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def reset_peak() -> None:
    """Let the kernel count this process's peak anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def memory_mib(field: str) -> float:
    """`VmRSS`, resident now, or `VmHWM`, its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024
