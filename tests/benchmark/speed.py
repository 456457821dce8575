"""The measurement `speed`: training, scoring a million rows, and the same features the pandas way.

`python -m tests.benchmark.speed fit|score|pandas` is one measurement in a process of its own, its figures as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.features import FeatureState, advance_state, build_features, reach_days
from include.settings import PROJECT_ROOT
from tests.benchmark.banks import Bench, read_bank
from tests.benchmark.costs import memory_mib, reset_peak
from tests.benchmark.night import LAST, full_bank
from tests.benchmark.pandas_way import SAMPLE, sampled_seconds
from tests.benchmark.results import markdown
from tests.benchmark.trained import trained

Record = dict[str, Any]


def measure() -> Record:
    """All three, each in its own process; prints the table."""
    found = {part: _apart(part) for part in PARTS}
    scoring, slow = found["score"], found["pandas"]
    whole = scoring["total_s"]
    found["ratio"] = {way: slow[way] / whole for way in slow if way.endswith("_s")}
    rows = [["train all detectors on the whole history", found["fit"]["total_s"], round(found["fit"]["peak_mib"])]]
    rows += [[f"{step}, {scoring['rows']:,} rows", s, round(scoring[f"{step}_mib"])] for step, s in _steps(scoring)]
    rows += [["features to scores together", whole, round(scoring["peak_mib"])]]
    rows += [
        [f"{way[:-2]}: 22 of the features in pandas (1 of {SAMPLE} accounts, scaled up)", s, "-"]
        for way, s in slow.items()
        if way.endswith("_s")
    ]
    print(markdown("speed", ["what", "seconds", "peak MiB"], rows))
    print({way: f"{ratio:.1f} times as long" for way, ratio in found["ratio"].items()})
    return found


def _steps(scoring: Record) -> list[tuple[str, float]]:
    return [(step, scoring[f"{step}_s"]) for step in ("features", "values", "score")]


def _apart(part: str) -> Record:
    print(f"speed: {part} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmark.speed", part]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT).stdout
    return dict(json.loads(output.splitlines()[-1]))


@cache
def _bench() -> Bench:
    """The bank of a million, trained on all but its last three days."""
    before = LAST - timedelta(days=2)
    return Bench("million", read_bank(f"file:{full_bank()}?rounding=0.1", before, LAST), before, LAST)


@contextmanager
def _timed(found: Record, step: str) -> Iterator[None]:
    reset_peak()
    began = time.perf_counter()
    yield
    found[f"{step}_s"] = found.get(f"{step}_s", 0.0) + time.perf_counter() - began
    found[f"{step}_mib"] = max(found.get(f"{step}_mib", 0.0), memory_mib("VmHWM"))


def _fit() -> Record:
    found: Record = {}
    bench = _bench()
    with _timed(found, "total"):
        trained(bench, anew=True)
    return {**found, "rows": bench.bank.postings.num_rows, "peak_mib": found["total_mib"]}


def _score() -> Record:
    """The whole history through features and published scores, a year at a time, state and look-back carried on."""
    bench = _bench()
    model, bank = trained(bench), bench.bank
    found: Record = dict.fromkeys(("features_s", "values_s", "score_s", "features_mib", "values_mib", "score_mib"), 0.0)
    state, values = FeatureState.empty(), []
    for lookback, nights in _years(bank.postings, reach_days(bank.habit_days)):
        with _timed(found, "features"):
            features = build_features(nights, lookback, bank.statics, state, habit_days=bank.habit_days)
            state = advance_state(state, nights)
        with _timed(found, "values"):
            values.append(model.values(features))
        with _timed(found, "score"):
            model.score(values[-1])
    found["total_s"] = sum(seconds for _, seconds in _steps(found))
    found["peak_mib"] = max(found[f"{step}_mib"] for step in ("features", "values", "score"))
    found["each_s"] = {m.name: _seconds_of(model, m.detector, values[-1][:100_000]) for m in model.members}
    return {**found, "rows": bank.postings.num_rows}


def _years(history: pa.Table, reach: int) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Each year's postings with the look-back before them, in order."""
    dates = history["trans_date"]
    for year in range(pc.min(dates).as_py().year, pc.max(dates).as_py().year + 1):
        first = date(year, 1, 1)
        yield (
            _dated(history, first - timedelta(days=reach), first),
            _dated(history, first, date(year + 1, 1, 1)),
        )


def _dated(history: pa.Table, first: date, before: date) -> pa.Table:
    dates = history["trans_date"]
    return history.filter(pc.and_(pc.greater_equal(dates, pa.scalar(first)), pc.less(dates, pa.scalar(before))))


def _seconds_of(model: Any, detector: Any, values: Any) -> float:
    """Seconds of one detector for 100,000 prepared rows."""
    if detector.sees == "windows":
        return 0.0  # its surprises are read once, into the values
    view = model.preparation.view(model.preparation.apply(values), detector.sees)
    began = time.perf_counter()
    detector.score(view)
    return time.perf_counter() - began


def _pandas() -> Record:
    return sampled_seconds(_bench().bank.postings)


PARTS: dict[str, Callable[[], Record]] = {"fit": _fit, "score": _score, "pandas": _pandas}

if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[1]]()))
