"""The measurement `selection`: whole selections, their verdicts, and the chosen ensemble against its best member.

`python -m tests.benchmark.selection real|generated|million` is one selection in a process of its own, as JSON.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from include.selection import run_selection, selections
from include.selection.candidate_worker import peak_mib
from include.settings import PROJECT_ROOT
from tests.benchmark.banks import REAL_DATA, placed_bank
from tests.benchmark.night import LAST, full_bank
from tests.benchmark.results import FOLDER, markdown

Record = dict[str, Any]
Case = tuple[str, date]


def _placed() -> Case:
    return f"file:{FOLDER / 'placed'}?rounding=0.1", placed_bank().before


CASES: dict[str, Callable[[], Case]] = {
    "real": lambda: (f"file:{REAL_DATA / 'pkdd'}", date(1993, 12, 1)),
    "generated": _placed,
    "million": lambda: (f"file:{full_bank()}?rounding=0.1", LAST - timedelta(days=2)),
}
"""Source and first night that is not looked at."""


def measure(cases: Sequence[str] = tuple(CASES)) -> Record:
    """Select on every bank named; prints who was chosen, by how much over its best member, and at which cost."""
    found = {case: _apart(case) for case in cases}
    header = ["bank", "chosen", "merit", "its best member alone", "beyond it (95 %)", "seconds", "peak MiB"]
    print(markdown("selection", header, [_row(case, record) for case, record in found.items()]))
    return found


def _row(case: str, record: Record) -> list[object]:
    best, merits = record["best_member"], record["merits"]
    beyond = best["winner_beyond"]
    return [
        case,
        record["winner"],
        f"{merits[record['winner']]['mean']:.3f}",
        f"{best['name']} {merits[best['name']]['mean']:.3f}",
        f"{beyond['mean']:.3f} ({beyond['low']:.3f} to {beyond['high']:.3f})",
        round(record["seconds"]),
        round(record["peak_mib"]),
    ]


def _apart(case: str) -> Record:
    print(f"selection: {case} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmark.selection", case]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT).stdout
    return dict(json.loads(output.splitlines()[-1]))


def _select(case: str) -> Record:
    """One selection into a lake of its own; the peak is that of its largest process."""
    source, before = CASES[case]()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run_selection(source, f"file:{folder}", before, "bench")
        seconds = time.perf_counter() - began
        (summary,) = selections(f"file:{folder}")
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {**summary, "seconds": seconds, "own_mib": peak_mib(), "peak_mib": max(peak_mib(), children)}


if __name__ == "__main__":
    print(json.dumps(_select(sys.argv[1])))
