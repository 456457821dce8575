"""Trains a model on what lies before a night and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.evaluation.rounds import Bank, Round, plant_round
from include.features import HABIT_DAYS, absence_notes, build_features, reach_days, state_from_history
from include.models.calibration import Calibration
from include.models.ensemble import blend
from include.models.model import Model, Training
from include.models.threshold import BUDGET_DAYS, choose_threshold
from include.scoring.choice import EVIDENCE_SCHEMA, LEAST_PLANTED, Blind, Choice, choose, fallback, name_of
from include.scoring.fitting import Fitted, fit, taught_without
from include.scoring.recipe import Recipe

WARM_UP_DAYS = 61
"""First days of a history whose rows train nothing: every habit is still empty, which no later night looks like."""
MIN_TRAINING_DAYS = 31
"""Days to train on after the warm-up: one whole month, so that its end, ten times as busy, is in it once."""
MIN_TRAINING_ROWS = 1000
"""With a budget of 2 % the threshold then rests on twenty rows, its own error is about a fifth of the budget."""
MAX_TRAINING_DAYS = 731
"""Days before the first night that are learned from: every season twice. What lies before only forms habits."""
MAX_LEARNING_ROWS = 200_000
"""Rows anything is learned from; a tail of one in ten thousand then rests on twenty."""
CHECK_DAYS = 61
"""Last days of the past, held back from a draft that chooses the ensemble and the threshold: two months' ends."""
TEACHING_DAYS = 122
"""Days before those that planted anomalies are taught on."""

LIBRARIES = ("scikit-learn", "numpy", "duckdb", "skops", "torch", "safetensors")


@dataclass(frozen=True)
class TrainingOutcome:
    """A model, or why there is none.

    Attributes
    ----------
    model
        None when there was not enough history.
    note
        A sentence for people, either way.
    evidence
        `include.scoring.choice.EVIDENCE_SCHEMA`: what every ensemble found on the nights that chose.
    merit
        By ensemble, the figure they were compared by; empty where there was no evidence.
    chosen
        The ensemble's name.
    """

    model: Model | None
    note: str
    evidence: pa.Table = field(default_factory=EVIDENCE_SCHEMA.empty_table)
    merit: Mapping[str, float] = field(default_factory=dict)
    chosen: str = ""


def train(
    history: pa.Table,
    statics: Mapping[str, pa.Table],
    *,
    before: date,
    seed: int,
    budget: float,
    habit_days: int = HABIT_DAYS,
    rounding_cents: int = 1,
    recipe: Recipe | None = None,
) -> TrainingOutcome:
    """Train on the postings dated before `before`.

    A draft is fitted on all but the last two months; on these, with anomalies planted into them, it is decided which
    detectors have a say, and without them where the threshold lies. Then everything is fitted again on the whole past.

    Parameters
    ----------
    history
        Accepted postings, from the first there is; what is dated `before` or later is ignored.
    statics
        Static relations by name.
    before
        The first night the model may score.
    seed
        Of everything random.
    budget
        Share of an ordinary month's postings to flag.
    habit_days
        How far back habits reach.
    rounding_cents
        The source's own rounding, with which planted balances chain.
    recipe
        What may be used; everything when None.

    Returns
    -------
    TrainingOutcome
        Without a model when there is too little history; the night is then published without scores.
    """
    past = history.filter(pc.less(history["trans_date"], pa.scalar(before)))
    shortage = history_shortage(past, before)
    if shortage:
        return TrainingOutcome(None, shortage)
    recipe = recipe or Recipe()
    bank = Bank(past, statics, rounding_cents, habit_days)
    features = _settled_features(bank, before)
    lesson = _Lesson.plan(bank, features, before, seed, recipe)
    earlier = _learning_rows(lesson.earlier(features), seed)
    draft = fit(earlier, lesson.teaching, recipe, seed)
    choice = _choice(draft, earlier, lesson, recipe, budget, seed)
    threshold = _threshold(draft, choice, lesson.later(features), budget)
    final = fit(_learning_rows(features, seed), (*lesson.teaching, *lesson.checking), recipe, seed)
    training = _training(features, lesson, before, seed, budget, habit_days, absence_notes(statics, past))
    model = _model(final, choice, threshold, training)
    note = f"{model.version} ({name_of(choice.weights)}) was trained on {features.num_rows} postings before {before}"
    return TrainingOutcome(model, note, choice.evidence, choice.merit, name_of(choice.weights))


def history_shortage(past: pa.Table, before: date) -> str:
    """Why the postings do not suffice to train on, as a sentence; empty when they do."""
    needed_days = WARM_UP_DAYS + MIN_TRAINING_DAYS
    first = pc.min(past["trans_date"]).as_py()
    days = (before - first).days if first else 0
    if days < needed_days:
        return (
            f"scores are skipped: {days} days of history lie before {before}, {needed_days} are needed "
            f"({WARM_UP_DAYS} to form habits, {MIN_TRAINING_DAYS} to learn from)"
        )
    rows = _since(past, "trans_date", first + timedelta(days=WARM_UP_DAYS)).num_rows
    if rows < MIN_TRAINING_ROWS:
        return (
            f"scores are skipped: {rows} postings before {before} can be learned from, {MIN_TRAINING_ROWS} are needed"
        )
    return ""


def _settled_features(bank: Bank, before: date) -> pa.Table:
    """Features of every night that is learned from: after the warm-up, and not too long ago."""
    first = pc.min(bank.history["trans_date"]).as_py() + timedelta(days=WARM_UP_DAYS)
    first = max(first, before - timedelta(days=MAX_TRAINING_DAYS))
    earlier = bank.history.filter(pc.less(bank.history["trans_date"], pa.scalar(first)))
    nights = _since(bank.history, "trans_date", first)
    lookback = _since(earlier, "trans_date", first - timedelta(days=reach_days(bank.habit_days)))
    state = state_from_history(earlier)
    return build_features(nights, lookback, bank.statics, state, habit_days=bank.habit_days)


@dataclass(frozen=True)
class _Lesson:
    """The past in its order: nights to teach on, then nights to check on.

    Attributes
    ----------
    check_from
        First of the nights the draft is checked on.
    teaching, checking
        Planted rounds of both.
    """

    check_from: date
    teaching: tuple[Round, ...]
    checking: tuple[Round, ...]

    @classmethod
    def plan(cls, bank: Bank, features: pa.Table, before: date, seed: int, recipe: Recipe) -> _Lesson:
        first = pc.min(features["settlement_date"]).as_py()
        check_days = min(CHECK_DAYS, (before - first).days // 3)
        check_from = before - timedelta(days=check_days)
        teach_from = max(first, check_from - timedelta(days=TEACHING_DAYS))
        middle = teach_from + (check_from - teach_from) // 2
        stretches = [(teach_from, middle), (middle, check_from), (check_from, before)]
        earlier, late, last = (
            [
                plant_round(bank, start, end - timedelta(days=1), seed=seed + 1000 * number + 100 * stretch)
                for number in range(recipe.rounds)
            ]
            for stretch, (start, end) in enumerate(stretches)
        )
        return cls(check_from, (*earlier, *late), tuple(last))

    def earlier(self, features: pa.Table) -> pa.Table:
        return features.filter(pc.less(features["settlement_date"], pa.scalar(self.check_from)))

    def later(self, features: pa.Table) -> pa.Table:
        return _since(features, "settlement_date", self.check_from)


def _choice(draft: Fitted, earlier: pa.Table, lesson: _Lesson, recipe: Recipe, budget: float, seed: int) -> Choice:
    """The ensemble that finds most on the nights held back, also of kinds the draft was not taught on."""
    if sum(int(round_.is_planted.sum()) for round_ in lesson.checking) < LEAST_PLANTED:
        return fallback(draft, recipe)
    kinds = sorted({kind for round_ in lesson.teaching for kind in round_.kind_names})
    halves = [frozenset(kinds[0::2]), frozenset(kinds[1::2])] if len(kinds) > 1 else []
    blind = [Blind(half, taught_without(half, draft, earlier, lesson.teaching, recipe, seed)) for half in halves]
    return choose(draft, lesson.checking, recipe, budget, blind)


def _threshold(draft: Fitted, choice: Choice, later: pa.Table, budget: float) -> float:
    """The published score beyond which the budget's share lies on nights the draft has not seen.

    Rows that taught a detector score lower than rows of nights to come, so a threshold on them would flag too much.
    """
    calibration = Calibration.learn(blend(draft.exponents, choice.weights))
    return choose_threshold(calibration.apply(blend(draft.exponents_of(later), choice.weights)), budget)


def _model(final: Fitted, choice: Choice, threshold: float, training: Training) -> Model:
    return Model(
        sequence=final.sequence,
        preparation=final.preparation,
        members=final.members(choice.weights),
        calibration=Calibration.learn(blend(final.exponents, choice.weights)),
        threshold=threshold,
        training=training,
        versions={name: version(name) for name in LIBRARIES},
    )


def _training(
    features: pa.Table,
    lesson: _Lesson,
    before: date,
    seed: int,
    budget: float,
    habit_days: int,
    notes: Sequence[str],
) -> Training:
    nights = features["settlement_date"]
    planted = sum(int(round_.is_planted.sum()) for round_ in (*lesson.teaching, *lesson.checking))
    return Training(
        first_night=pc.min(nights).as_py(),
        last_night=pc.max(nights).as_py(),
        rows=features.num_rows,
        planted_rows=planted,
        data_digest=_digest(features),
        seed=seed,
        budget=budget,
        threshold_since=lesson.check_from,
        month_rows=round(lesson.later(features).num_rows * BUDGET_DAYS / (before - lesson.check_from).days),
        habit_days=habit_days,
        notes=tuple(notes),
    )


def _digest(features: pa.Table) -> str:
    """SHA-256 over the identifiers and amounts learned from, in their order."""
    digest = hashlib.sha256()
    for name in ("trans_id", "account_id", "settlement_date", "amount", "window"):
        for chunk in features[name].chunks:
            for buffer in (b for b in chunk.buffers() if b is not None):
                digest.update(buffer)
    return digest.hexdigest()


def _learning_rows(features: pa.Table, seed: int) -> pa.Table:
    if features.num_rows <= MAX_LEARNING_ROWS:
        return features
    chosen = np.random.default_rng(seed).choice(features.num_rows, MAX_LEARNING_ROWS, replace=False)
    return features.take(pa.array(np.sort(chosen)))


def _since(table: pa.Table, column: str, since: date) -> pa.Table:
    return table.filter(pc.greater_equal(table[column], pa.scalar(since)))
