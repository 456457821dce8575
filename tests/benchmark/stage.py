"""One step of one night in a process of its own, as a task runs it: its seconds and its peak memory as JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import date
from typing import Any

from include import night as nights
from include.night import STEPS, NightRequest

ATTEMPT = "bench"


def main(step: str, night: str, source_uri: str, lake_uri: str) -> None:
    """Run the step named, or `train`, and print what it took; imports are not counted, Airflow's tasks pay them too."""
    run = _training if step == "train" else dict(STEPS)[step]
    request = NightRequest(date.fromisoformat(night), source_uri, lake_uri, ATTEMPT)
    began = time.perf_counter()
    run(request)
    seconds = time.perf_counter() - began
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"step": step, "night": night, "seconds": seconds, "peak_mib": peak_mib}))


def _training(request: NightRequest) -> dict[str, Any]:
    return nights.train_champion(request.source_uri, request.lake_uri, request.night)


if __name__ == "__main__":
    main(*sys.argv[1:])
