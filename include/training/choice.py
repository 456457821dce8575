"""Chooses the ensemble: each candidate is measured on planted nights that nothing was fitted on.

Two detectors recur in the names: contrast (boosted trees that tell planted anomalies from the bank's own past) and
rarity (how rare each feature's value is).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from include.evaluation.episodes import STRENGTHS
from include.evaluation.rounds import InjectedSample, assess
from include.models.base import Vector
from include.models.detectors import Weights
from include.models.ensemble import blend
from include.training.fitting import Fitted
from include.training.recipe import Recipe

EVIDENCE_SCHEMA = pa.schema(
    [
        pa.field("ensemble", pa.string()),
        pa.field("round", pa.int64()),
        pa.field("strength", pa.string()),
        pa.field("kind", pa.string()),  # empty for all kinds together
        pa.field("is_known", pa.bool_()),  # whether a detector was fitted on planted rows of this kind
        pa.field("average_precision", pa.float64()),
        pa.field("recall", pa.float64()),
        pa.field("precision", pa.float64()),
        pa.field("planted", pa.int64()),
    ]
)
"""What every ensemble found on the planted nights that it was measured on."""

MERIT = (3, 3, 1)
"""Weights in the merit: of average precision, of recall, and of recall of held-out kinds. The low third weight is a
decision: half of all kinds are held out for it, which is harsher than a bank where the list misses a few kinds."""

LEAST_PLANTED = 50
"""Least number of planted postings to compare ensembles by; with fewer, `fallback` chooses."""


@dataclass(frozen=True)
class Choice:
    """The chosen ensemble and the evidence for it.

    Attributes
    ----------
    weights
        Weights of the chosen ensemble, by detector.
    merit
        Figure by which the ensembles were compared, by ensemble; higher is better.
    evidence
        Rows of `EVIDENCE_SCHEMA`.
    """

    weights: Weights
    merit: dict[str, float]
    evidence: pa.Table


@dataclass(frozen=True)
class HoldoutFit:
    """The same detectors, fitted without some kinds of planted anomaly.

    Attributes
    ----------
    kinds
        Kinds of anomaly that were left out of the fit.
    fitted
        Detectors that learn from examples, fitted without these kinds on the same preparation.
    """

    kinds: frozenset[str]
    fitted: Fitted


def choose(
    fitted: Fitted, rounds: Sequence[InjectedSample], recipe: Recipe, budget: float, holdouts: Sequence[HoldoutFit] = ()
) -> Choice:
    """Choose the detector or ensemble with the highest merit in the rounds; of two with the same merit the smaller one.

    The merit is a weighted mean of three figures over rounds and strengths. The first is average precision. The second
    is recall within the budget, kind by kind, so that an ensemble that misses one kind altogether scores low. The
    third, with a smaller weight, is the same recall for kinds that the detectors were not fitted on, as future
    anomalies may be of kinds that nobody plants. Ensembles compete with each of their members, so that one that is
    worse than its best member is never chosen.

    Parameters
    ----------
    fitted
        Detectors fitted on nights before those of the rounds.
    rounds
        Planted rounds to measure on.
    recipe
        Recipe with the candidate ensembles.
    budget
        Share of postings to flag.
    holdouts
        Hold-out fits for the third figure; without any, the merit is the mean of the first two.
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
    """The recipe's fallback detector, for when there is no evidence to choose by."""
    name = recipe.fallback if recipe.fallback in fitted.detectors else next(iter(fitted.detectors))
    return Choice({name: 1}, {}, EVIDENCE_SCHEMA.empty_table())


def name_of(weights: Weights) -> str:
    """The name of an ensemble for people, such as "contrast*2+rarity"."""
    return "+".join(f"{name}*{weight:g}" if weight != 1 else name for name, weight in weights.items())


def evidence(
    ensemble: str,
    number: int,
    round_: InjectedSample,
    budget: float,
    scores: Vector,
    without: Sequence[tuple[frozenset[str], Vector]] = (),
) -> list[dict[str, Any]]:
    """Rows of `EVIDENCE_SCHEMA` for one ensemble on one round: for every strength, all kinds together and each kind.

    Parameters
    ----------
    ensemble, number
        Name of the ensemble and number of the round.
    round_, scores
        The round, and the ensemble's scores of its rows; higher is more anomalous.
    budget
        Share of postings to flag.
    without
        Pairs of held-out kinds and the scores of the detectors that were fitted without them.
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
    """The merit of one ensemble, from its rows of evidence; NaN without any planted posting."""
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
