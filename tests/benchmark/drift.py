"""The measurement `drift`: what is told over ordinary nights of the real bank, and how soon a planted drift is.

A drift is planted into the postings from one day on; features are built anew over the whole history, and the nights
are watched in their order. Balances are left as they were: no feature asks whether they chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from include.evaluation.plots import drift_over_nights
from include.features import FeatureState, build_features
from include.models.model import Model
from include.monitoring.earlier_nights import REVIEW_SCHEMA, flagged
from include.monitoring.performance import NIGHTS_SCHEMA, Findings
from include.monitoring.profiles import SCORE, Profiles
from include.publish.alerts import score_alerts
from include.scoring import score_night
from include.training import Recipe, TrainingSpec, train
from tests.benchmark.banks import Bench
from tests.benchmark.results import markdown, save_plot
from tests.monitoring.nights import NO_FINDINGS, excess, profiles, watched

TRAINED_BEFORE = date(1993, 9, 1)
"""So that three months before the first drift can be compared with, and five months lie behind."""
ORDINARY = (date(1993, 9, 1), date(1993, 11, 30))
SEASONS = {"December": (date(1993, 12, 1), date(1993, 12, 31)), "January": (date(1994, 1, 1), date(1994, 1, 31))}
STARTS = (date(1993, 9, 20), date(1993, 10, 4), date(1993, 10, 18))
"""Days drifts begin on."""
WATCHED_DAYS = 42
"""Nights a drift is watched for: six weeks, after which habits have taken up half of it."""
SEED = 20

Frame: TypeAlias = pd.DataFrame
Plant: TypeAlias = Callable[[Frame, pd.Series, np.random.Generator], Frame]


def measure(bench: Bench) -> dict[str, Any]:
    """Notices over ordinary nights and seasons, and nights until each planted drift is told; prints both."""
    spec = TrainingSpec(before=TRAINED_BEFORE, seed=SEED, budget=NO_FINDINGS.budget, recipe=Recipe.of("quick"))
    outcome = train(bench.bank, spec)
    if outcome.model is None:
        raise SystemExit(outcome.note)
    known = profiles(outcome.model, bench.features)
    findings = _findings(bench, outcome.model)
    told = watched(known, ORDINARY[0], SEASONS["January"][1], findings=findings)
    spans = {"ordinary": ORDINARY, **SEASONS}
    said = {name: [row for row in told if span[0] <= row["settlement_date"] <= span[1]] for name, span in spans.items()}
    planted = [_planted(bench, outcome.model, known, name, start) for name in DRIFTS for start in STARTS]
    _report(said, planted)
    data = "the real bank, September 1993 to January 1994"
    save_plot("drift", drift_over_nights(excess(known, ORDINARY[0], bench.last), data=data))
    nights = {name: (span[1] - span[0]).days + 1 for name, span in spans.items()}
    return {
        "nights": nights,
        **{name: [_short(row) for row in rows] for name, rows in said.items()},
        "planted": planted,
    }


def _findings(bench: Bench, model: Model) -> Findings:
    """Alerts and scored rows of every night from the model's first on."""
    nights = bench.nights(TRAINED_BEFORE, bench.last + timedelta(days=1))
    scores = score_night(nights, model)
    alerts = score_alerts(scores, bench.bank.history)
    counted = scores.group_by("settlement_date").aggregate([([], "count_all")]).to_pylist()
    rows = {row["settlement_date"]: row["count_all"] for row in counted}
    days = [TRAINED_BEFORE + timedelta(days=n) for n in range((bench.last - TRAINED_BEFORE).days + 1)]
    table = [
        {
            "settlement_date": day,
            "is_scored": True,
            "scored_rows": rows.get(day, 0),
            "offered_rows": rows.get(day, 0),
            "refused_rows": 0,
        }
        for day in days
    ]
    return Findings(
        pa.Table.from_pylist(table, schema=NIGHTS_SCHEMA),
        flagged(alerts),
        REVIEW_SCHEMA.empty_table(),
        NO_FINDINGS.budget,
        model.training.month_rows,
    )


def _planted(bench: Bench, model: Model, known: Profiles, name: str, start: date) -> dict[str, Any]:
    """What is told within `WATCHED_DAYS` of one drift that is not told without it."""
    last = start + timedelta(days=WATCHED_DAYS - 1)
    changed = known_with_scores(known, start) if name == SCORES_UP else profiles(model, _features(bench, name, start))
    first = start - timedelta(days=7)
    ordinary = {row["feature"] for row in watched(known, first, last)}
    told = [row for row in watched(changed, first, last) if row["feature"] not in ordinary]
    return {
        "drift": name,
        "start": start,
        "nights": (told[0]["settlement_date"] - start).days + 1 if told else None,
        "said": [_short(row) for row in told],
    }


def known_with_scores(known: Profiles, start: date) -> Profiles:
    """As if from a day on a third of the postings below the first level had scores of the second."""
    counts = {name: rows.copy() for name, rows in known.counts.items()}
    since = len(counts[SCORE]) - (known.last - start).days - 1
    moved = np.floor(counts[SCORE][since:, 1] * SCORE_SHARE)
    counts[SCORE][since:, 1] -= moved
    counts[SCORE][since:, 2] += moved
    return replace(known, counts=counts)


def _features(bench: Bench, name: str, start: date) -> pa.Table:
    history = bench.bank.postings
    frame, rng = history.to_pandas(), np.random.default_rng(SEED)
    accounts = np.unique(frame["account_id"])
    chosen = rng.choice(accounts, len(accounts) // 3, replace=False)
    plant = DRIFTS[name]
    if plant is not None:
        frame = plant(frame, (frame["trans_date"] >= start) & frame["account_id"].isin(chosen), rng)
    planted = pa.Table.from_pandas(frame, schema=history.schema, preserve_index=False)
    empty = FeatureState.empty()
    return build_features(planted, planted.slice(0, 0), bench.bank.statics, empty, habit_days=bench.bank.habit_days)


def _amounts(operation: str, factor: float) -> Plant:
    def plant(frame: Frame, drifting: pd.Series, rng: np.random.Generator) -> Frame:
        rows = drifting & (frame["operation"] == operation)
        frame.loc[rows, "amount"] = [round(amount * int(factor * 4) / 4, 2) for amount in frame.loc[rows, "amount"]]
        return frame

    return plant


def _more(share: float) -> Plant:
    """Cash withdrawals are followed, within five days, by another one of the same amount."""

    def plant(frame: Frame, drifting: pd.Series, rng: np.random.Generator) -> Frame:
        repeated = frame[drifting & (frame["operation"] == "WIC") & (rng.random(len(frame)) < share)].copy()
        repeated["trans_id"] += 10_000_000
        later = rng.integers(0, 5, len(repeated))
        repeated["trans_date"] = [
            day + timedelta(days=int(n)) for day, n in zip(repeated["trans_date"], later, strict=True)
        ]
        return pd.concat([frame, repeated])

    return plant


def _missing(share: float) -> Plant:
    def plant(frame: Frame, drifting: pd.Series, rng: np.random.Generator) -> Frame:
        since = frame.loc[drifting, "trans_date"].min()
        frame.loc[(frame["trans_date"] >= since) & (rng.random(len(frame)) < share), "balance"] = None
        return frame

    return plant


SCORE_SHARE = 1 / 8
SCORES_UP = "one score in 8 below the first level rises above it"
DRIFTS: dict[str, Plant | None] = {
    "withdrawals x 1.25": _amounts("WIC", 1.25),
    "withdrawals x 1.5": _amounts("WIC", 1.5),
    "withdrawals x 2": _amounts("WIC", 2.0),
    "withdrawals x 4": _amounts("WIC", 4.0),
    "transfers x 1.5": _amounts("ROB", 1.5),
    "transfers x 3": _amounts("ROB", 3.0),
    "withdrawals twice": _more(1.0),
    "balance missing in 3 %": _missing(0.03),
    "balance missing in 30 %": _missing(0.3),
    "balance missing": _missing(1.0),
    SCORES_UP: None,
}
"""Of a third of the accounts, from a day on; what is missing, of all."""


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("settlement_date", "code", "feature", "effect", "text", "asks_for_selection")}


def _report(said: dict[str, list[dict[str, Any]]], planted: list[dict[str, Any]]) -> None:
    rows = [[name, len(told), "; ".join(f"{r['feature'] or r['code']}" for r in told)] for name, told in said.items()]
    print(markdown("Told of the real bank as it is", ["nights", "notices", "of"], rows))
    cells = [[name, *(_cell(found) for found in planted if found["drift"] == name)] for name in DRIFTS]
    print(markdown("Nights until a planted drift is told", ["drift", *map(str, STARTS)], cells))


def _cell(found: dict[str, Any]) -> str:
    return f"{found['nights']}: {', '.join(row['feature'] for row in found['said'])}" if found["nights"] else "-"
