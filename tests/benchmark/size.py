"""The measurement `size`: what a bank of 200,000 accounts costs, and the first model of `make run`, before and now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from demo import ROUNDING_CROWNS, generate_bank
from local import demonstration
from tests.benchmark.night import fresh_lake, stage
from tests.benchmark.results import FOLDER, markdown

Record = dict[str, Any]
ACCOUNTS, FIRST, LAST, BANK_SEED = 200_000, date(2024, 8, 1), date(2024, 12, 31), 3
"""1.6 million postings, 240,000 of them on the last night, a month's end."""
DEMONSTRATION_UNTIL = date(2026, 11, 28)
"""The day on which the demonstration bank is made, always the same: 39,277 postings lie before its last week."""

BEFORE: dict[str, Record] = {
    "training, 200,000 accounts": {"seconds": 1140.0, "peak_mib": 10_240.0, "ended": "killed without a model"},
    "night, 240,000 postings": {"cpu_seconds": 84.0, "peak_mib": 4_710.0},
    "first model of make run": {"seconds": 88.0},
}
"""Of version 0.1.0 on a quiet machine with two cores, as its users reported them: a training that was given up after
nineteen minutes and 10 GiB, a month-end night, and the 88 seconds in which `make run` said nothing."""


def measure() -> Record:
    """Each in a process of its own; prints the figures beside those of the commit before."""
    found = {what: work() for what, work in PARTS.items()}
    header = ["what", "unit", "before", "now", "now / before"]
    rows = [
        [what, unit, was, found[what][unit], found[what][unit] / was]
        for what, known in BEFORE.items()
        for unit, was in known.items()
        if isinstance(was, float)
    ]
    print(markdown("size", header, rows))
    return {"before": BEFORE, "now": found}


def _big_bank() -> str:
    return _bank("big", lambda folder: generate_bank(folder, ACCOUNTS, FIRST, LAST, BANK_SEED))


def _bank(name: str, generate: Callable[[Path], object]) -> str:
    """A bank's address; generated once."""
    folder = FOLDER / name
    if not (folder / "fin_transaction.parquet").exists():
        generate(folder)
    return f"file:{folder}?rounding={ROUNDING_CROWNS}"


def _training() -> Record:
    return stage("train", LAST, _big_bank(), fresh_lake("big"))


def _night() -> Record:
    """The last night, after the night before it; both are scored by a model that saw neither."""
    source, lake, eve = _big_bank(), fresh_lake("big"), LAST - timedelta(days=1)
    for step, night in (("train", eve), ("night", eve)):
        stage(step, night, source, lake)
    return stage("night", LAST, source, lake)


def _first_model() -> Record:
    first, last = demonstration.span(DEMONSTRATION_UNTIL)
    source = _bank("demonstration", lambda folder: generate_bank(folder, demonstration.ACCOUNTS, first, last, 20))
    return stage("train", last - timedelta(days=6), source, fresh_lake("demonstration"))


PARTS: dict[str, Callable[[], Record]] = {
    "training, 200,000 accounts": _training,
    "night, 240,000 postings": _night,
    "first model of make run": _first_model,
}
