"""The measurement `reasons`: whether a flagged planted posting's first three reasons name its cause."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from include.evaluation.episodes import EPISODE_KINDS
from include.evaluation.rounds import plant_round
from include.models.model import Model
from include.scoring import score_night
from tests.benchmark.banks import Bench
from tests.benchmark.planted import ROUND_SEEDS
from tests.benchmark.results import markdown
from tests.benchmark.trained import trained

TOP = 3
ROUNDS = 2
"""Explaining is slow beside scoring; two rounds are some hundred flagged postings."""


def measure(bench: Bench) -> dict[str, Any]:
    """By kind: flagged planted postings, the share whose cause is named, and what is named instead."""
    model = _without_bound(trained(bench))
    named: dict[str, list[bool]] = defaultdict(list)
    first: dict[str, list[bool]] = defaultdict(list)
    instead: dict[str, list[str]] = defaultdict(list)
    for seed in ROUND_SEEDS[:ROUNDS]:
        round_ = plant_round(bench.bank, bench.before, bench.last, seed)
        scores = score_night(round_.positives, model)
        for kind, reasons in zip(round_.kinds[round_.is_planted], scores["reasons"].to_pylist(), strict=True):
            if reasons is None:
                continue
            codes = [reason["code"] for reason in reasons[:TOP]]
            causes = EPISODE_KINDS[str(kind)].codes
            named[kind].append(bool(causes & set(codes)))
            first[kind].append(codes[0] in causes)
            if not named[kind][-1]:
                instead[kind].append("+".join(codes))
    found = {
        kind: {
            "flagged": len(hits),
            "named": float(np.mean(hits)),
            "first": float(np.mean(first[kind])),
            "instead": _commonest(instead[kind]),
        }
        for kind, hits in sorted(named.items())
    }
    header = ["kind", "flagged", f"cause in the top {TOP}", "cause first", "most often instead"]
    print(markdown(f"{bench.name}: reasons name the cause", header, [[k, *v.values()] for k, v in found.items()]))
    return {"kinds": found, "all": float(np.mean([hit for hits in named.values() for hit in hits]))}


def _without_bound(model: Model) -> Model:
    """The model with the trained threshold every night: more is planted than a month's budget holds."""
    return replace(model, training=replace(model.training, budget=1.0))


def _commonest(codes: list[str]) -> str:
    return max(sorted(set(codes)), key=codes.count) if codes else "-"
