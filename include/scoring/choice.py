"""Which ensemble: each one measured on planted nights that nothing was fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from include.evaluation.episodes import STRENGTHS
from include.evaluation.rounds import Round, assess
from include.models.base import Vector
from include.models.ensemble import blend
from include.scoring.fitting import Fitted
from include.scoring.recipe import Recipe, Weights

EVIDENCE_SCHEMA = pa.schema(
    [
        pa.field("ensemble", pa.string()),
        pa.field("round", pa.int64()),
        pa.field("strength", pa.string()),
        pa.field("kind", pa.string()),  # empty for all kinds together
        pa.field("average_precision", pa.float64()),
        pa.field("recall", pa.float64()),
        pa.field("precision", pa.float64()),
        pa.field("planted", pa.int64()),
    ]
)
"""What every ensemble found on the nights that choose."""

LEAST_PLANTED = 50
"""Fewer planted postings say nothing about which ensemble is better: the choice falls back."""


@dataclass(frozen=True)
class Choice:
    """The ensemble chosen and why.

    Attributes
    ----------
    weights
        The winner's.
    merit
        By ensemble, the figure they were compared by.
    evidence
        `EVIDENCE_SCHEMA`.
    """

    weights: Weights
    merit: dict[str, float]
    evidence: pa.Table


def choose(fitted: Fitted, rounds: Sequence[Round], recipe: Recipe, budget: float) -> Choice:
    """The best detector or ensemble by what it finds in the rounds; the smaller one where two find the same.

    The merit is the mean, over rounds and strengths, of average precision and of the mean recall of the kinds within
    the budget: one that finds most of everything must not be blind to one kind. Ensembles compete with each of their
    members, so that one worse than its best member is never chosen.
    """
    usable = [weights for weights in recipe.candidates() if set(weights) <= set(fitted.detectors)]
    exponents = [fitted.exponents_of(round_.features) for round_ in rounds]
    rows = []
    for weights in usable:
        for number, (round_, known) in enumerate(zip(rounds, exponents, strict=True)):
            rows += _evidence(name_of(weights), number, blend(known, weights), round_, budget)
    evidence = pa.Table.from_pylist(rows, schema=EVIDENCE_SCHEMA)
    merit = {name_of(weights): _merit(rows, name_of(weights)) for weights in usable}
    best = max(usable, key=lambda weights: (round(merit[name_of(weights)], 3), -len(weights)))
    return Choice(best, merit, evidence)


def fallback(fitted: Fitted, recipe: Recipe) -> Choice:
    """The recipe's own choice where there is no evidence."""
    name = recipe.fallback if recipe.fallback in fitted.detectors else next(iter(fitted.detectors))
    return Choice({name: 1}, {}, EVIDENCE_SCHEMA.empty_table())


def name_of(weights: Weights) -> str:
    """An ensemble's name for people: "contrast*2+rarity"."""
    return "+".join(f"{name}*{weight:g}" if weight != 1 else name for name, weight in weights.items())


def _evidence(name: str, number: int, scores: Vector, round_: Round, budget: float) -> list[dict[str, Any]]:
    kinds = sorted({str(kind) for kind in round_.kinds[round_.is_planted]})
    return [
        {
            "ensemble": name,
            "round": number,
            "strength": strength,
            "kind": kind or "",
            **vars(assess(scores, round_, (strength,), budget, kind)),
        }
        for strength in STRENGTHS
        for kind in (None, *kinds)
    ]


def _merit(rows: list[dict[str, Any]], name: str) -> float:
    mine = [row for row in rows if row["ensemble"] == name and row["planted"]]
    overall = [row["average_precision"] for row in mine if not row["kind"]]
    recalls = [row["recall"] for row in mine if row["kind"]]
    return float(np.mean([np.mean(overall), np.mean(recalls)]))
