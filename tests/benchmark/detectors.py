"""The detectors' part of `make bench`: `python -m tests.benchmark.detectors --only real,reasons`.

Each part prints its tables and merges its figures into `bench-results.json` under its own name.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from tests.benchmark import (
    adapting,
    drift,
    feedback,
    findings,
    plain,
    planted,
    poisoning,
    reasons,
    selection,
    size,
    speed,
    unknown,
)
from tests.benchmark.banks import placed_bank, real_bank
from tests.benchmark.results import merge

PARTS: dict[str, Callable[[], object]] = {
    "real": lambda: planted.measure(real_bank(), twice=True),
    "generated": lambda: planted.measure(placed_bank(), twice=False),
    "plain": plain.measure,
    "reasons": lambda: reasons.measure(real_bank()),
    "findings": lambda: findings.measure(real_bank()),
    "unknown": lambda: unknown.measure(real_bank()),
    "drift": lambda: drift.measure(real_bank()),
    "poisoning": poisoning.measure,
    "adapting": adapting.measure,
    "selection": selection.measure,
    "feedback": feedback.measure,
    "speed": speed.measure,
    "size": size.measure,
}


def main() -> None:
    """Run the parts asked for, all when none is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"comma-separated, of {', '.join(PARTS)}")
    for name in parser.parse_args().only.split(","):
        began = time.perf_counter()
        merge(name, PARTS[name]())
        print(f"({name}: {time.perf_counter() - began:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
