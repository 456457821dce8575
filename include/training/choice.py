"""Which ensemble: each one measured on planted nights that nothing was fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from include.evaluation.episodes import STRENGTHS
from include.evaluation.rounds import InjectedSample, assess
from include.models.base import Vector
from include.models.ensemble import blend
from include.training.fitting import Fitted
from include.training.recipe import Recipe, Weights

EVIDENCE_SCHEMA = pa.schema(
    [
        pa.field("ensemble", pa.string()),
        pa.field("round", pa.int64()),
        pa.field("strength", pa.string()),
        pa.field("kind", pa.string()),  # empty for all kinds together
        pa.field("is_known", pa.bool_()),  # whether anything was taught on planted rows of this kind
        pa.field("average_precision", pa.float64()),
        pa.field("recall", pa.float64()),
        pa.field("precision", pa.float64()),
        pa.field("planted", pa.int64()),
    ]
)
"""What every ensemble found on the nights that choose."""

MERIT = (3, 3, 1)
"""Weights of average precision, of recall, and of recall of kinds that were not taught. A decision: half of all kinds
are left out for the third, which is harsher than a bank where a few are missing from the list."""

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


@dataclass(frozen=True)
class HoldoutFit:
    """The same detectors taught without some kinds of anomaly.

    Attributes
    ----------
    kinds
        Those nothing was taught on.
    fitted
        Those detectors that learn from examples, on the same preparation; the others are as they were.
    """

    kinds: frozenset[str]
    fitted: Fitted


def choose(
    fitted: Fitted, rounds: Sequence[InjectedSample], recipe: Recipe, budget: float, holdouts: Sequence[HoldoutFit] = ()
) -> Choice:
    """The best detector or ensemble by what it finds in the rounds; the smaller one where two find the same.

    The merit is a mean of three figures over rounds and strengths: average precision; recall within the budget, kind
    by kind, for one that finds most of everything must not be blind to one kind; and, with a smaller weight, the same
    recall of kinds that nothing was taught on, for nobody plants what will come. Ensembles compete with each of their
    members, so that one worse than its best member is never chosen.

    Parameters
    ----------
    fitted
        Fitted on nights before those of the rounds.
    rounds
        Planted nights.
    recipe
        What may be combined.
    budget
        Share of postings to flag.
    holdouts
        For the third figure; without them the merit is the mean of the first two.
    """
    usable = [weights for weights in recipe.candidates() if set(weights) <= set(fitted.detectors)]
    read = [fitted.read(round_.features) for round_ in rounds]
    exponents = [fitted.rarities(values) for values in read]
    unseen = [
        (b.kinds, [{**known, **b.fitted.rarities(values)} for known, values in zip(exponents, read, strict=True)])
        for b in holdouts
    ]
    rows = []
    for weights in usable:
        for number, round_ in enumerate(rounds):
            without = [(kinds, blend(scored[number], weights)) for kinds, scored in unseen]
            rows += evidence(name_of(weights), number, round_, budget, blend(exponents[number], weights), without)
    merit = {
        name: merit_of([row for row in rows if row["ensemble"] == name])
        for name in (name_of(weights) for weights in usable)
    }
    best = max(usable, key=lambda weights: (round(merit[name_of(weights)], 3), -len(weights)))
    return Choice(best, merit, pa.Table.from_pylist(rows, schema=EVIDENCE_SCHEMA))


def fallback(fitted: Fitted, recipe: Recipe) -> Choice:
    """The recipe's own choice where there is no evidence."""
    name = recipe.fallback if recipe.fallback in fitted.detectors else next(iter(fitted.detectors))
    return Choice({name: 1}, {}, EVIDENCE_SCHEMA.empty_table())


def name_of(weights: Weights) -> str:
    """An ensemble's name for people: "contrast*2+rarity"."""
    return "+".join(f"{name}*{weight:g}" if weight != 1 else name for name, weight in weights.items())


def evidence(
    ensemble: str,
    number: int,
    round_: InjectedSample,
    budget: float,
    scores: Vector,
    without: Sequence[tuple[frozenset[str], Vector]] = (),
) -> list[dict[str, Any]]:
    """`EVIDENCE_SCHEMA` rows of one ensemble on one round: all kinds together and each, in every strength.

    Parameters
    ----------
    ensemble, number
        Names of the ensemble and of the round.
    round_, scores
        The round and the ensemble's ranking of its rows.
    budget
        Share of postings to flag.
    without
        Kinds that were kept from the detectors, and the ranking of those that were not taught them.
    """

    def rows(ranking: Vector, kinds: Sequence[str], *, is_known: bool) -> list[dict[str, Any]]:
        return [
            {
                "ensemble": ensemble,
                "round": number,
                "strength": strength,
                "kind": kind,
                "is_known": is_known,
                **vars(assess(ranking, round_, (strength,), budget, kind or None)),
            }
            for strength in STRENGTHS
            for kind in kinds
        ]

    known = rows(scores, ("", *round_.kind_names), is_known=True)
    return known + [row for kinds, ranking in without for row in rows(ranking, sorted(kinds), is_known=False)]


def merit_of(rows: Sequence[Mapping[str, Any]]) -> float:
    """The figure ensembles are compared by, from one's rows of evidence; NaN without any."""
    mine = [row for row in rows if row["planted"]]
    overall = [row["average_precision"] for row in mine if not row["kind"]]
    recalls = [row["recall"] for row in mine if row["kind"] and row["is_known"]]
    unseen = [row["recall"] for row in mine if not row["is_known"]]
    figures = [
        (np.mean(found), weight) for found, weight in zip((overall, recalls, unseen), MERIT, strict=True) if found
    ]
    if not figures:
        return float("nan")
    return float(np.average([figure for figure, _ in figures], weights=[weight for _, weight in figures]))
