"""Splits the past: training rows, nights with planted anomalies to fit on, and later validation nights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.evaluation.bank_history import BankHistory
from include.evaluation.rounds import InjectedSample, plant_round
from include.features import build_features, reach_days
from include.models.threshold import BUDGET_DAYS
from include.training.spec import TrainingSpec
from include.training.workers import WORKERS, workers

WARM_UP_DAYS = 61
"""First days of a history that are not trained on: habits are still empty then, as on no later night."""
MIN_TRAINING_DAYS = 31
"""Least number of days to train on after the warm-up: one whole month, so that it contains one month's end, which is
ten times as busy."""
MIN_TRAINING_ROWS = 1000
"""Least number of training rows. With a budget of 2 % the threshold then rests on twenty rows, and its own error is
about a fifth of the budget."""
MIN_DRAFT_ROWS = 200
"""Least number of training rows before the validation nights: a fifth of all, so that a burst after a long hole is not
measured by a draft that has seen next to nothing."""
MIN_VALIDATION_ROWS = 50
"""Least number of validation rows. With fewer, the usual budget of 2 % is less than one posting, and nothing would ever
be flagged."""
MAX_TRAINING_DAYS = 731
"""Largest number of days before the first night that are trained on: every season twice. Earlier days only form
habits."""
MAX_LEARNING_ROWS = 200_000
"""Largest number of training rows; a tail of one in ten thousand then rests on twenty."""
VALIDATION_DAYS = 61
"""Last days of the past, which the draft is not fitted on; the ensemble and the threshold are chosen on them. They
contain two months' ends."""
PLANTED_DAYS = 122
"""Days before the validation nights whose planted anomalies detectors are fitted on."""


REFRESH_NIGHTS_SEEN = 365
"""Nights that a refresh of a model looks back on: every season once. With 184 it gained as much and with 92 nothing."""
REFRESH_ROWS = 60_000
"""Number of rows of these nights that are kept: `include.training.fitting.MAX_ROWS_BESIDE_EXAMPLES`."""

_DAY = timedelta(days=1)


def history_shortage(past: pa.Table, before: date) -> str:
    """A sentence that says why the postings do not suffice to train on; empty when they do."""
    needed_days = WARM_UP_DAYS + MIN_TRAINING_DAYS
    first = pc.min(past["trans_date"]).as_py()
    days = (before - first).days if first else 0
    if days < needed_days:
        return (
            f"scores are skipped: {days} days of history lie before {before}, {needed_days} are needed "
            f"({WARM_UP_DAYS} to form habits, {MIN_TRAINING_DAYS} to learn from)"
        )
    return _rows_shortage(since(past, "trans_date", _learned_from(first, before)), before)


def _rows_shortage(learned: pa.Table, before: date) -> str:
    """A sentence that says why the postings that would be trained on are too few; empty when they suffice."""
    rows = learned.num_rows
    if rows < MIN_TRAINING_ROWS:
        return (
            f"scores are skipped: {rows} postings of the {MAX_TRAINING_DAYS} days before {before} can be learned from, "
            f"{MIN_TRAINING_ROWS} are needed"
        )
    validation_from = _validation_from(pc.min(learned["trans_date"]).as_py(), before)
    newest = pc.max(learned["trans_date"]).as_py()
    checked = since(learned, "trans_date", validation_from).num_rows
    if checked < MIN_VALIDATION_ROWS:
        newest = pc.max(learned["trans_date"]).as_py()
        return (
            f"scores are skipped: {checked} postings lie between {validation_from} and {before}, "
            f"{MIN_VALIDATION_ROWS} are needed to set a threshold; the newest is of {newest}"
        )
    if rows - checked < MIN_DRAFT_ROWS:
        return (
            f"scores are skipped: {rows - checked} postings before {validation_from} can be learned from, "
            f"{MIN_DRAFT_ROWS} are needed beside the {checked} that set the threshold"
        )
    return ""


def _learned_from(first: date, before: date) -> date:
    """The first date that is trained on, in a history that begins on `first`."""
    return max(first + timedelta(days=WARM_UP_DAYS), before - timedelta(days=MAX_TRAINING_DAYS))


def _validation_from(first: date, before: date) -> date:
    """The first of the validation nights, which are the last two months, or the last third of a shorter past."""
    return before - timedelta(days=min(VALIDATION_DAYS, (before - first).days // 3))


def learned_since(past: pa.Table, before: date) -> date:
    """The first night that is trained on: after the warm-up, and at most `MAX_TRAINING_DAYS` ago."""
    return _learned_from(pc.min(past["trans_date"]).as_py(), before)


def settled_features(history: BankHistory, before: date) -> pa.Table:
    """The features of every night that is trained on."""
    first = learned_since(history.postings, before)
    earlier = history.postings.filter(pc.less(history.postings["trans_date"], pa.scalar(first)))
    nights = since(history.postings, "trans_date", first)
    lookback = since(earlier, "trans_date", first - timedelta(days=reach_days(history.habit_days)))
    return build_features(nights, lookback, history.statics, history.state(earlier), habit_days=history.habit_days)


def validation_start(features: pa.Table, before: date) -> date:
    """The first of the validation nights, given the features of all nights that are trained on."""
    return _validation_from(pc.min(features["settlement_date"]).as_py(), before)


@dataclass(frozen=True)
class TrainingSplit:
    """The past in order of time: training nights, then validation nights.

    Attributes
    ----------
    validation_from, before
        First validation night, and the night after the last one.
    training_rounds, validation_rounds
        Planted rounds of the training nights and of the validation nights.
    seeds
        Seeds of the validation rounds.
    """

    validation_from: date
    before: date
    training_rounds: tuple[InjectedSample, ...]
    validation_rounds: tuple[InjectedSample, ...]
    seeds: tuple[int, ...]

    @classmethod
    def plan(cls, history: BankHistory, features: pa.Table, spec: TrainingSpec) -> TrainingSplit:
        """The split of a training; its validation nights begin on `validation_start`.

        Rounds are planted one after the other, as the sequence reader is trained on the other core meanwhile; with a
        third thread both took 53 s instead of 48.

        Parameters
        ----------
        history
            The bank's past, which ends before `spec.before`.
        features
            Features of the nights that are trained on.
        spec
            Specification of the training.
        """
        first, before, rounds = pc.min(features["settlement_date"]).as_py(), spec.before, spec.recipe.rounds
        validation_from = validation_start(features, before)
        return cls.planted(history, first, validation_from, before, spec.seed, (rounds, rounds), at_once=1)

    @classmethod
    def planted(
        cls,
        history: BankHistory,
        first: date,
        validation_from: date,
        before: date,
        seed: int,
        rounds: tuple[int, int],
        at_once: int = WORKERS,
    ) -> TrainingSplit:
        """Plant rounds into two stretches of nights before `validation_from` and into the nights from there on.

        Parameters
        ----------
        first
            First of the nights that are trained on.
        rounds
            Number of training rounds per stretch, and number of validation rounds.
        at_once
            Number of rounds that are planted in parallel.
        """
        planted_from = max(first, validation_from - timedelta(days=PLANTED_DAYS))
        middle = planted_from + (validation_from - planted_from) // 2
        stretches = [(planted_from, middle), (middle, validation_from), (validation_from, before)]
        seeds = [[seed + 1000 * number + 100 * n for number in range(rounds[n // 2])] for n in range(len(stretches))]
        wanted = [(span, each) for chosen, span in zip(seeds, stretches, strict=True) for each in chosen]
        with workers(at_once) as pool:
            planted = tuple(
                pool.map(lambda each: plant_round(history, each[0][0], each[0][1] - _DAY, seed=each[1]), wanted)
            )
        training = 2 * rounds[0]
        return cls(validation_from, before, planted[:training], planted[training:], tuple(seeds[-1]))

    @property
    def held_out_kinds(self) -> list[frozenset[str]]:
        """The planted kinds in two halves, so that each kind can be left out of a fit once."""
        kinds = sorted({kind for round_ in self.training_rounds for kind in round_.kind_names})
        return [frozenset(kinds[0::2]), frozenset(kinds[1::2])] if len(kinds) > 1 else []

    def earlier(self, features: pa.Table) -> pa.Table:
        """The rows of the nights before the validation nights."""
        return dated_before(features, self.validation_from)

    def later(self, features: pa.Table) -> pa.Table:
        """The rows of the validation nights."""
        nights = features["settlement_date"]
        return since(features.filter(pc.less(nights, pa.scalar(self.before))), "settlement_date", self.validation_from)


def data_digest(features: pa.Table) -> str:
    """SHA-256 over the identifiers, dates, amounts and windows of the training rows, in their order."""
    digest = hashlib.sha256()
    for name in ("trans_id", "account_id", "settlement_date", "amount", "window"):
        for chunk in features[name].chunks:
            for buffer in (b for b in chunk.buffers() if b is not None):
                digest.update(buffer)
    return digest.hexdigest()


def learning_rows(features: pa.Table, seed: int) -> pa.Table:
    """At most `MAX_LEARNING_ROWS` of the rows, drawn without replacement and kept in their order."""
    if features.num_rows <= MAX_LEARNING_ROWS:
        return features
    chosen = np.random.default_rng(seed).choice(features.num_rows, MAX_LEARNING_ROWS, replace=False)
    return features.take(pa.array(np.sort(chosen)))


def kept_share(month_rows: int) -> float:
    """Share of rows kept for refreshes, the same every night; `month_rows` is the bank's number in `BUDGET_DAYS`."""
    return min(1.0, REFRESH_ROWS * BUDGET_DAYS / (REFRESH_NIGHTS_SEEN * max(month_rows, 1)))


def recent_rows(features: pa.Table, before: date, month_rows: int, seed: int) -> pa.Table:
    """A random `kept_share` of the rows of the `REFRESH_NIGHTS_SEEN` nights before a date, in their order."""
    recent = since(features, "settlement_date", before - timedelta(days=REFRESH_NIGHTS_SEEN))
    kept = np.random.default_rng(seed).random(recent.num_rows) < kept_share(month_rows)
    return recent.filter(pa.array(kept))


def dated_before(features: pa.Table, night: date) -> pa.Table:
    """The rows of the nights before `night`."""
    return features.filter(pc.less(features["settlement_date"], pa.scalar(night)))


def since(table: pa.Table, column: str, first: date) -> pa.Table:
    """The rows dated from `first` on."""
    return table.filter(pc.greater_equal(table[column], pa.scalar(first)))
