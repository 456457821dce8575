"""Models of the benches' banks, kept between parts for as long as the code is the same."""

from __future__ import annotations

import pickle
import sys
import time
from datetime import date

from include.lake.version import code_version
from include.models.model import Model
from include.training import TrainingSpec, train
from tests.benchmark.banks import Bench
from tests.benchmark.results import FOLDER

BUDGET = 0.02
SEED = 20


def trained(bench: Bench, before: date | None = None, seed: int = SEED, *, anew: bool = False) -> Model:
    """The model of a bank trained before `before` (the bench's own date when None); `anew` even if it is kept."""
    before = before or bench.before
    kept = FOLDER / "models" / f"{bench.name}-{before}-{seed}-{code_version()}.pickle"
    if kept.exists() and not anew:
        model: Model = pickle.loads(kept.read_bytes())  # noqa: S301 - written by the lines below
        return model
    model = _train(bench, before, seed)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(pickle.dumps(model))
    return model


def _train(bench: Bench, before: date, seed: int) -> Model:
    began = time.perf_counter()
    outcome = train(bench.bank, TrainingSpec(before=before, seed=seed, budget=BUDGET))
    if outcome.model is None:
        raise SystemExit(outcome.note)
    print(f"{bench.name}: {outcome.note} in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return outcome.model
