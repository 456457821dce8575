"""Compares all ensembles, round by round, and says which is better than the champion beyond noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from include.evaluation.rounds import InjectedSample
from include.lake.work_folder import WorkFolder
from include.models.base import Vector
from include.selection.candidates import EnsembleSpec
from include.selection.fold_data import SharedFold, blended, blended_without, champion_exponents, round_name
from include.selection.intervals import Folds, Interval, interval
from include.selection.plan import Fold, SelectionPlan
from include.training.choice import EVIDENCE_SCHEMA, evidence, merit_of

AS_IT_IS = "the champion as it is"
"""Name of the champion's own model beside the ensembles, all of which are fitted anew for every fold."""
COMPARED = pa.schema([pa.field("fold", pa.int64()), pa.field("seed", pa.int64()), *EVIDENCE_SCHEMA])
"""Figures of every ensemble by round, strength and kind; `round` counts within the fold, from 1."""

EvidenceRow = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """The figures of all ensembles on all rounds.

    Attributes
    ----------
    specs
        Ensembles by name.
    rows
        Rows of `COMPARED`, as dictionaries.
    merits
        Merit in each round, by ensemble; the rounds are in the same order for all.
    known
        The same without recall of held-out kinds, which the champion as it is does not have; NaN where it was trained
        on the nights.
    folds
        Fold of each round, in the same order.
    overlap
        Ratio of the postings that were measured on to those that were trained on.
    champion
        Name of the ensemble with the champion's recipe; empty without a champion or where it cannot be fitted again.
    """

    specs: Mapping[str, EnsembleSpec]
    rows: Sequence[EvidenceRow]
    merits: Mapping[str, Vector]
    known: Mapping[str, Vector]
    folds: Folds
    overlap: float
    champion: str

    @property
    def baseline(self) -> str:
        """The name to be beaten: the champion as it is where it could be measured on every round, else its recipe."""
        return AS_IT_IS if self.is_measured(AS_IT_IS) else self.champion

    def is_measured(self, name: str) -> bool:
        """Whether it was measured on every round; otherwise its figures are of other months than those beside them."""
        return name in self.known and not np.isnan(self.known[name]).any()

    @cached_property
    def winner(self) -> EnsembleSpec:
        """The ensemble with the fewest members among those within one standard error of the best.

        The rule of Breiman, Friedman, Olshen and Stone (Classification and Regression Trees, 1984, 3.4.3), the error
        being that of the paired difference: a simpler one is taken where nothing speaks against it, not only where it
        cannot be told for certain that it is worse. Among equally many, the one of the highest merit. An ensemble
        worse than its best member is none of them.
        """
        merit = {name: float(self.merits[name].mean()) for name in self.specs}
        sound = {
            name: spec
            for name, spec in self.specs.items()
            if all(merit[name] >= merit[member] for member in spec.weights)
        }
        best = max(sound, key=lambda name: (merit[name], -len(sound[name].weights), name))
        level = [name for name in sound if name == best or self._is_level(best, name)]
        return sound[min(level, key=lambda name: (len(sound[name].weights), -merit[name], name))]

    def _is_level(self, best: str, name: str) -> bool:
        difference = self.difference(best, name)
        return difference.mean <= difference.error

    def best_member(self, name: str) -> str:
        """The member of an ensemble that has the highest merit alone."""
        return max(self.specs[name].weights, key=lambda member: (self.merits[member].mean(), member))

    def merit(self, name: str) -> Interval:
        """An ensemble's merit; the champion as it is has none, because it was fitted on all kinds."""
        return self._interval(self.merits[name]).within(0, 1)

    def known_merit(self, name: str) -> Interval | None:
        """The merit without recall of held-out kinds; None where an ensemble was not measured on every round."""
        return self._interval(self.known[name]).within(0, 1) if self.is_measured(name) else None

    def difference(self, name: str, other: str, comparisons: int = 1) -> Interval:
        """How much higher one merit is than another; beside the champion as it is, of known kinds alone."""
        merits = self.known if AS_IT_IS in (name, other) else self.merits
        return self._interval(merits[name] - merits[other], comparisons).within(-1, 1)

    def _interval(self, found: Vector, comparisons: int = 1) -> Interval:
        """The interval over the rounds that were measured."""
        is_there = ~np.isnan(found)
        return interval(found[is_there], self.folds[is_there], self.overlap, comparisons)

    def figure(self, name: str, figure: str, strength: str, kind: str = "") -> Interval | None:
        """A figure of one ensemble, over the rounds; None where nothing of the kind was planted."""
        wanted = {"ensemble": name, "strength": strength, "kind": kind, "is_known": True}
        rows = [row for row in self.rows if row["planted"] and all(row[k] == v for k, v in wanted.items())]
        found, folds = (np.array([row[of] for row in rows]) for of in (figure, "fold"))
        return interval(found, folds, self.overlap).within(0, 1) if len(found) > 1 else None


def compare_ensembles(
    folder: WorkFolder, plan: SelectionPlan, specs: Mapping[str, EnsembleSpec], champion: str
) -> Comparison:
    """Measure every ensemble on every round, and the champion as it is where it saw none of the nights."""
    rows: list[EvidenceRow] = []
    for fold, number in plan.rounds:
        measured = _Measured(folder, plan, fold, number, SharedFold(folder, fold.number).round(number))
        for name, spec in specs.items():
            rows += measured.spec(name, spec)
        rows += measured.champion()
    merits = _merits(plan, rows)
    known = _merits(plan, [row for row in rows if row["is_known"]])
    trained, validated = (sum(getattr(fold, of) for fold in plan.folds) for of in ("training_rows", "validation_rows"))
    folds = np.array([fold.number for fold, _ in plan.rounds])
    return Comparison(specs, rows, merits, known, folds, validated / trained, champion)


def _merits(plan: SelectionPlan, rows: list[EvidenceRow]) -> dict[str, Vector]:
    """The merit in each round, by name; NaN where it was not measured."""
    found: dict[tuple[str, int], list[EvidenceRow]] = {}
    for row in rows:
        found.setdefault((row["ensemble"], row["seed"]), []).append(row)
    seeds = [seed for fold in plan.folds for seed in fold.seeds]
    names = dict.fromkeys(name for name, _ in found)
    return {name: np.array([merit_of(found.get((name, seed), [])) for seed in seeds]) for name in names}


@dataclass(frozen=True)
class _Measured:
    """One round that ensembles are measured on."""

    folder: WorkFolder
    plan: SelectionPlan
    fold: Fold
    number: int
    round_: InjectedSample

    def spec(self, name: str, spec: EnsembleSpec) -> list[EvidenceRow]:
        rows = round_name(self.number)
        scores = blended(self.folder, spec.weights, self.fold.number, rows)
        without = [
            (missing, blended_without(self.folder, spec.weights, self.fold.number, rows, half))
            for half, missing in enumerate(self.fold.held_out_kinds)
        ]
        return self._rows(name, scores, without)

    def champion(self) -> list[EvidenceRow]:
        """Rows of the champion as it is; they lack the figures of held-out kinds, as it was fitted on all of them."""
        if not self.fold.measures_champion:
            return []
        return self._rows(AS_IT_IS, champion_exponents(self.folder, self.fold.number, self.number), [])

    def _rows(self, name: str, scores: Vector, without: list[tuple[frozenset[str], Vector]]) -> list[EvidenceRow]:
        at = {"fold": self.fold.number, "seed": self.fold.seeds[self.number - 1]}
        found = evidence(name, self.number, self.round_, self.plan.budget, scores, without)
        return [{**at, **row} for row in found]


@dataclass(frozen=True)
class SelectionVerdict:
    """The winner of a selection, and whether its lead is more than noise.

    Attributes
    ----------
    winner
        Name of the winning ensemble.
    is_better
        Whether it is better than the champion beyond noise, or than having no champion where there is none.
    difference
        Difference to the baseline, with an interval that holds for all ensembles together; None without a baseline.
    sentence
        Sentence for people.
    """

    winner: str
    is_better: bool
    difference: Interval | None
    sentence: str


def judge(plan: SelectionPlan, comparison: Comparison) -> SelectionVerdict:
    """The verdict: better only when the whole interval of the difference lies above zero."""
    winner = comparison.winner.name
    if plan.champion is None:
        sentence = f"{winner} found most, with a merit of {comparison.merit(winner)}; there is no champion yet"
        return SelectionVerdict(winner, True, None, sentence)
    if not comparison.baseline:
        sentence = (
            f"{winner} found most, with a merit of {comparison.merit(winner)}, but {plan.champion} could not be fitted "
            "again beside it: nothing shows that it is better, and the champion stays"
        )
        return SelectionVerdict(winner, False, None, sentence)
    return _against(plan, comparison, winner)


def _against(plan: SelectionPlan, comparison: Comparison, winner: str) -> SelectionVerdict:
    baseline = comparison.baseline
    others = sum(name != baseline for name in comparison.specs)
    difference = comparison.difference(winner, baseline, max(others, 1))
    is_better = winner != baseline and difference.low > 0
    is_itself = baseline == AS_IT_IS
    whom = f"{plan.champion} as it is" if is_itself else f"{plan.champion}'s recipe {baseline}"
    by = f"by {difference} in merit{' of known kinds' if is_itself else ''}"
    if winner == baseline:
        sentence = f"nothing is better than {whom}: the champion stays"
    elif is_better:
        sentence = f"{winner} is better than {whom} beyond noise, {by}"
    else:
        sentence = f"{winner} is not better than {whom} beyond noise, {by}: the champion stays"
    return SelectionVerdict(winner, is_better, difference, sentence)
