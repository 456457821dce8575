"""The measurement `plain`: detectors on a bank that records next to nothing, with frauds that are known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from include.features.catalog import MODEL_FEATURES
from include.models.base import Matrix, Vector
from include.models.model import feature_values
from tests.benchmark.banks import Bench
from tests.benchmark.plain_bank import DAYS, FIRST, plain_bank
from tests.benchmark.rankings import candidates, chosen, exponents_of
from tests.benchmark.results import markdown
from tests.benchmark.trained import SEED, trained

SCORED_DAYS = 28
TRAIN_DAYS = 122
SCENARIOS = {1: "1: amount > 220", 2: "2: terminals", 3: "3: amounts x5", 0: "all"}
Record = dict[str, Any]


def measure() -> Record:
    """AUC and average precision by scenario; prints the tables."""
    bench, labels = bench_of_plain_bank()
    window = bench.window
    scenario = np.array([labels.get(number, 0) for number in window["trans_id"].to_pylist()])
    model = trained(bench)
    scores = {
        **candidates(exponents_of(model, window)),
        "plain IsolationForest on amount and time": _plain_forest(bench, window),
        "amount alone": pc.cast(window["amount"], pa.float64()).to_numpy(),
    }
    found = {name: by_scenario(values, scenario) for name, values in scores.items()}
    signs = signs_alone(window, scenario)
    shares = {SCENARIOS[n]: float((scenario == n).mean()) for n in (1, 2, 3)}
    result = {"published": chosen(model), "rows": len(scenario), "shares": shares, "detectors": found, "signs": signs}
    print(_table("plain bank: AUC / average precision by scenario", found, result["published"]))
    print({key: f"{value:.3%}" for key, value in shares.items()}, f"of {len(scenario)} postings\n")
    print(_table("plain bank: each feature alone", signs, ""))
    return result


def bench_of_plain_bank() -> tuple[Bench, Mapping[int, int]]:
    """Four months and the eight weeks of habits before are past; four weeks are scored."""
    bank, labels = plain_bank()
    before = FIRST + timedelta(days=TRAIN_DAYS)
    last = before + timedelta(days=SCORED_DAYS - 1)
    assert last < FIRST + timedelta(days=DAYS)
    return Bench("plain", bank, before, last), labels


def by_scenario(scores: Vector, scenario: npt.NDArray[np.int64]) -> dict[str, tuple[float, float]]:
    """AUC and average precision of every scenario against what is not fraud, and of all of them."""
    found = {}
    for number, name in SCENARIOS.items():
        kept = (scenario == 0) | (scenario == number) | (number == 0)
        is_fraud = scenario[kept] > 0
        found[name] = (
            float(roc_auc_score(is_fraud, scores[kept])),
            float(average_precision_score(is_fraud, scores[kept])),
        )
    return found


def signs_alone(window: pa.Table, scenario: npt.NDArray[np.int64]) -> dict[str, dict[str, tuple[float, float]]]:
    """What each feature finds by itself; those the bank cannot have are left out."""
    known = [f.name for f in MODEL_FEATURES if f.name in window.column_names]
    values = feature_values(window, tuple(known))
    return {
        name: by_scenario(np.nan_to_num(column), scenario)
        for name, column in zip(known, values.T, strict=True)
        if np.nanmax(column, initial=0) > 0
    }


def _plain_forest(bench: Bench, window: pa.Table) -> Vector:
    past = bench.nights(FIRST, bench.before)
    forest = IsolationForest(n_estimators=100, random_state=SEED).fit(_amount_and_time(past))
    return np.asarray(-forest.score_samples(_amount_and_time(window)), dtype=np.float64)


def _amount_and_time(features: pa.Table) -> Matrix:
    amount = pc.cast(features["amount"], pa.float64()).to_numpy()
    return np.column_stack([amount, features["minute_of_day"].to_numpy()])


def _table(title: str, found: Mapping[str, Mapping[str, tuple[float, float]]], published: str) -> str:
    rows = [
        [
            f"**{name}**" if name == published else name,
            *(f"{auc:.3f} / {precision:.3f}" for auc, precision in figures.values()),
        ]
        for name, figures in found.items()
    ]
    return markdown(title, ["detector", *SCENARIOS.values()], rows)
