"""One step of one night in a process of its own, as a task runs it: its seconds and its peak memory as JSON."""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from include import night as nights
from include.night import STEPS, NightRequest

ATTEMPT = "bench"


def main(step: str, night: str, source_uri: str, lake_uri: str) -> None:
    """Run the step named, `train` or the whole `night`, and print what it took.

    Imports at the top are not counted: Airflow's tasks pay them too.
    """
    run = {**dict(STEPS), "train": _training, "night": nights.run_night}[step]
    request = NightRequest(date.fromisoformat(night), source_uri, lake_uri, ATTEMPT)
    began, used = time.perf_counter(), time.process_time()
    run(request)
    took = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - used}
    print(json.dumps({"step": step, "night": night, **took, "peak_mib": _peak_mib()}))


def _peak_mib() -> float:
    """The peak of the program itself: getrusage also counts what the process was before it became this one."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def _training(request: NightRequest) -> dict[str, Any]:
    return nights.train_champion(request.source_uri, request.lake_uri, request.night)


if __name__ == "__main__":
    main(*sys.argv[1:])
