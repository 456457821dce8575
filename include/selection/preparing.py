"""The first task of a selection: it cuts the past into folds and writes what all candidates share."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import SettingsError
from include.evaluation.bank_history import BankHistory
from include.evaluation.sampling import sample_notes, sampled
from include.lake import Lake
from include.lake.work_folder import WorkFolder, clear_abandoned, folder_name
from include.learning import model_of
from include.models.model import Model
from include.registry import ModelRegistry
from include.reviews import confirmed_before
from include.selection.candidates import candidates_of
from include.selection.fold_data import SharedFold, put_champion
from include.selection.plan import Fold, Limits, SelectionPlan, work_folder
from include.settings import get_settings
from include.stages import stage
from include.training.choice import LEAST_PLANTED
from include.training.confirmed_frauds import KIND, ConfirmedFrauds
from include.training.fitting import FitContext
from include.training.history import read_history
from include.training.recipe import Recipe
from include.training.split import (
    TrainingSplit,
    data_digest,
    history_shortage,
    learned_since,
    learning_rows,
    settled_features,
)

FOLD_DAYS = 31
"""Validation nights of a fold: a whole month, so that its end, ten times as busy, is in it once."""
SEED_STEP = 10_000
"""Difference between the seeds of two folds. Within a fold seeds differ by less, so that no two rounds share one."""
MOST_FOLDS = 12
"""Largest number of folds, a year of months: each costs a training of the sequence reader."""
LEAST_MEASUREMENTS = 2
"""Least number of validation rounds: a single one says nothing about chance."""


def prepare(
    source_uri: str, lake_uri: str, before: date, selection_id: str, *, folds: int = 2, rounds: int = 3
) -> dict[str, Any]:
    """Prepare a selection on the postings before a date; nothing at or after it is read.

    The folds are the last months before the date, `FOLD_DAYS` each. For each one the sequence reader and the
    preparation are fitted on the nights before it, and anomalies are planted into its own nights, several times.

    Parameters
    ----------
    source_uri, lake_uri
        Addresses of the bank's relations and of the lake.
    before
        First night that is not looked at.
    selection_id
        Name of the selection; characters that a folder's name cannot hold are replaced.
    folds
        Number of months to measure on; fewer are used where the history is too short.
    rounds
        Number of planted rounds per fold. The default six measurements are the fewest whose intervals are not wider
        than the differences looked for (two folds of one: twelve times as wide).

    Returns
    -------
    dict
        `selection` (its name as it is used), `before`, `candidates` (names; none when the history does not suffice),
        `champion` (a version or None) and `note`, a sentence.

    Raises
    ------
    SettingsError
        When fewer than two measurements are asked for, from which no uncertainty can be told.
    """
    if not 1 <= folds <= MOST_FOLDS or rounds < 1 or folds * rounds < LEAST_MEASUREMENTS:
        raise SettingsError(
            f"{folds} folds of {rounds} rounds: give 1 to {MOST_FOLDS} folds and at least {LEAST_MEASUREMENTS} rounds"
        )
    clear_abandoned(lake_uri)
    folder = work_folder(lake_uri, selection_id)
    folder.begin()
    registry = ModelRegistry.open(lake_uri, get_settings())
    version = registry.champion()
    plan = replace(_empty(folder_name(selection_id), before), champion=version)
    plan = _Preparation(folder, Lake.open(lake_uri), registry, plan).lay_out(source_uri, folds, rounds)
    plan.keep(folder)
    return {
        "selection": plan.selection,
        "before": before.isoformat(),
        "candidates": list(plan.candidates),
        "champion": version,
        "note": plan.note,
    }


def _empty(selection: str, before: date) -> SelectionPlan:
    settings = get_settings()
    return SelectionPlan(
        selection=selection,
        before=before,
        seed=settings.seed,
        budget=settings.alert_budget,
        habit_days=settings.lookback_days,
        training=settings.training,
        folds=(),
        candidates={},
        champion=None,
        data_digest="",
        limits=Limits(),
        note="",
    )


@dataclass(frozen=True)
class _Preparation:
    """A selection that is being prepared."""

    folder: WorkFolder
    lake: Lake
    registry: ModelRegistry
    plan: SelectionPlan

    def lay_out(self, source_uri: str, folds: int, rounds: int) -> SelectionPlan:
        """The plan with its folds and candidates, or without any and the reason why."""
        past = read_history(source_uri, self.plan.before, self.plan.habit_days, get_settings().server_terms)
        spans = _spans(past.postings, self.plan.before, folds)
        if len(spans) * rounds < LEAST_MEASUREMENTS:
            earliest = self.plan.before - timedelta(days=FOLD_DAYS * folds)
            return replace(self.plan, note=_shortage(past.postings, earliest))
        since, confirmed = learned_since(past.postings, self.plan.before), confirmed_before(self.lake, self.plan.before)
        sample = sampled(past, since, self.plan.seed, confirmed)
        with stage(f"features of {sample.postings.num_rows:,} postings"):
            features = settled_features(sample, self.plan.before)
        laid = tuple(self._fold(sample, features, number, *span, rounds) for number, span in enumerate(spans, start=1))
        planted = min(fold.planted for fold in laid)
        if planted < LEAST_PLANTED:
            note = f"nothing is compared: {planted} postings could be planted into a month, {LEAST_PLANTED} are needed"
            return replace(self.plan, note=note)
        candidates = candidates_of(self.plan.training, with_confirmed=all(fold.confirmed for fold in laid))
        digest = self._cases(self.plan.before).marked(data_digest(features), features)
        return replace(
            self.plan,
            folds=laid,
            candidates=candidates,
            data_digest=digest,
            note="; ".join([_note(laid, len(candidates)), *sample_notes(sample, past)]),
        )

    def _fold(
        self, history: BankHistory, features: pa.Table, number: int, validation_from: date, before: date, rounds: int
    ) -> Fold:
        seed, recipe = self.plan.seed, Recipe.of(self.plan.training)
        first = pc.min(features["settlement_date"]).as_py()
        fold_seed = seed + SEED_STEP * number
        with stage(f"anomalies planted for the fold that measures from {validation_from} on"):
            split = TrainingSplit.planted(history, first, validation_from, before, fold_seed, (recipe.rounds, rounds))
        known, found = self._cases(validation_from), self._cases(self.plan.before)
        split = replace(split, validation_rounds=tuple(map(found.measured, split.validation_rounds)))
        earlier = split.earlier(features)
        training_rows = pc.sum(pc.less(features["settlement_date"], pa.scalar(validation_from))).as_py()
        began = time.monotonic()
        context = FitContext.learn(learning_rows(known.left_out(earlier), seed), recipe, self.plan.fit_seed(number))
        seconds = time.monotonic() - began
        SharedFold(self.folder, number).write(context, split, features, known.rounds(earlier))
        return Fold(
            number=number,
            first=first,
            validation_from=validation_from,
            before=before,
            seeds=split.seeds,
            training_rows=training_rows,
            validation_rows=split.later(features).num_rows,
            planted=sum(int((round_.is_planted & (round_.kinds != KIND)).sum()) for round_ in split.validation_rounds),
            confirmed=known.example_count(earlier),
            confirmed_to_find=max(int((round_.kinds == KIND).sum()) for round_ in split.validation_rounds),
            held_out_kinds=tuple(split.held_out_kinds),
            reader_seconds=seconds,
            measures_champion=self._let_champion_score(number, split),
        )

    def _cases(self, before: date) -> ConfirmedFrauds:
        """The frauds confirmed before a date; a fold's candidates are fitted on none that became known later."""
        return ConfirmedFrauds(confirmed_before(self.lake, before))

    def _let_champion_score(self, number: int, split: TrainingSplit) -> bool:
        """Let the champion itself score the fold; False where it knew its nights or has habits of another length."""
        champion = self._champion(split.validation_from)
        if champion is None:
            return False
        for place, round_ in enumerate(split.validation_rounds, start=1):
            put_champion(self.folder, number, place, champion.rarities(champion.values(round_.features)))
        return True

    def _champion(self, night: date) -> Model | None:
        if self.plan.champion is None:
            return None
        model = self.registry.load(self.plan.champion)
        is_fit = model.training.last_night < night and model.training.habit_days == self.plan.habit_days
        return model_of(self.registry, model, night) if is_fit else None


def _spans(history: pa.Table, before: date, folds: int) -> list[tuple[date, date]]:
    """First validation night, and the night after the last, of every fold with enough history before it."""
    ends = [before - timedelta(days=FOLD_DAYS * number) for number in reversed(range(folds))]
    spans = [(end - timedelta(days=FOLD_DAYS), end) for end in ends]
    return [span for span in spans if not _shortage(history, span[0])]


def _shortage(history: pa.Table, validation_from: date) -> str:
    """A sentence that says why no candidate can be fitted for a fold; empty when all can."""
    found = history_shortage(
        history.filter(pc.less(history["trans_date"], pa.scalar(validation_from))), validation_from
    )
    return found.replace("scores are skipped", "nothing is compared")


def _note(folds: tuple[Fold, ...], candidates: int) -> str:
    months = ", ".join(f"{fold.validation_from} to {fold.before - timedelta(days=1)}" for fold in folds)
    return f"{candidates} candidates are measured on {sum(len(fold.seeds) for fold in folds)} planted rounds: {months}"
