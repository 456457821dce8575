"""Trains a model on the postings before a night, and on nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from importlib.metadata import version

import pyarrow as pa
import pyarrow.compute as pc

from include.evaluation.bank_history import BankHistory
from include.evaluation.rounds import InjectedSample, plant_round
from include.evaluation.sampling import sample_notes, sampled
from include.features import absence_notes
from include.models.calibration import Calibration
from include.models.ensemble import blend
from include.models.model import Model, Training
from include.models.threshold import BUDGET_DAYS, choose_threshold
from include.stages import stage
from include.training.choice import EVIDENCE_SCHEMA, LEAST_PLANTED, Choice, HoldoutFit, choose, fallback, name_of
from include.training.confirmed_frauds import ConfirmedFrauds
from include.training.fitting import Fitted, fit, fit_sequence, fitted_without
from include.training.spec import TrainingSpec
from include.training.split import (
    TrainingSplit,
    data_digest,
    dated_before,
    history_shortage,
    learned_since,
    learning_rows,
    recent_rows,
    settled_features,
    since,
    validation_start,
)
from include.training.workers import workers

UNUSED_SEED = 500_000
"""Offset to a training's seed, for planted episodes that no fit, choice or measurement uses."""
LIBRARIES = ("scikit-learn", "numpy", "duckdb", "skops", "torch", "safetensors")


@dataclass(frozen=True)
class HeldBack:
    """The last nights of the past, and a draft of the model that was fitted only on the nights before them.

    Attributes
    ----------
    draft
        The draft, with the chosen ensemble and threshold.
    features
        Features of the nights held back.
    unused
        The same nights with planted anomalies that no fit, choice or measurement used.
    recent
        Result of `include.training.split.recent_rows` for the rows that the final model learned as usual.
    fitted_on
        Rounds that the final model was fitted on.
    """

    draft: Model
    features: pa.Table
    unused: InjectedSample
    recent: pa.Table
    fitted_on: tuple[InjectedSample, ...]


@dataclass(frozen=True)
class TrainingOutcome:
    """A trained model, or the reason why there is none.

    Attributes
    ----------
    model
        The model; None when there was not enough history.
    note
        Sentence for people, with or without a model.
    evidence
        Rows of `include.training.choice.EVIDENCE_SCHEMA`: what every ensemble found on the validation nights.
    merit
        Figure by which the ensembles were compared, by ensemble; empty where there was no evidence.
    chosen
        Name of the chosen ensemble.
    held_back
        The nights held back and the draft; None where there is no model.
    """

    model: Model | None
    note: str
    evidence: pa.Table = field(default_factory=EVIDENCE_SCHEMA.empty_table)
    merit: Mapping[str, float] = field(default_factory=dict)
    chosen: str = ""
    held_back: HeldBack | None = None


def train(history: BankHistory, spec: TrainingSpec) -> TrainingOutcome:
    """Train on the postings dated before `spec.before`.

    A draft is fitted on all but the last two months. These two months choose the ensemble, with anomalies planted into
    them, and the threshold, without any. Then everything is fitted again on the whole past, except for the sequence
    reader, which takes half of a training: on the real bank's December and January, in three planted rounds, average
    precision was 0.796 with the draft's reader and 0.793 with a new one, and recall was 0.836 with both. Where the bank
    has more accounts than a training needs, all of this uses a sample of them.

    Parameters
    ----------
    history
        The bank's past; postings dated `spec.before` or later are ignored.
    spec
        Specification of the training.

    Returns
    -------
    TrainingOutcome
        Outcome without a model when there is too little history; the night is then published without scores.
    """
    is_known = pc.less(history.postings["trans_date"], pa.scalar(spec.before))
    past = replace(history, postings=history.postings.filter(is_known))
    shortage = history_shortage(past.postings, spec.before)
    if shortage:
        return TrainingOutcome(None, shortage)
    sample = sampled(past, learned_since(past.postings, spec.before), spec.seed, spec.confirmed)
    draft = _draft(sample, spec)
    choice, threshold, final = _finished(draft, spec)
    frauds = draft.frauds.notes(draft.features)
    notes = (*absence_notes(past.statics, past.postings), *frauds, *sample_notes(sample, past))
    training = _training(draft, past, spec, notes)
    model, name, rows = _model(final, choice, threshold, training), name_of(choice.weights), draft.features.num_rows
    note = f"{model.version} ({name}) was trained on {rows} postings before {spec.before}"
    held_back = draft.held_back(_model(draft.fitted, choice, threshold, training), spec)
    return TrainingOutcome(model, note, choice.evidence, choice.merit, name, held_back)


@dataclass(frozen=True)
class _Draft:
    """The draft of a training, fitted on all but the nights held back, and what it was made of.

    Attributes
    ----------
    features
        Features of the whole past.
    frauds
        Confirmed frauds of the past.
    usual
        The features without confirmed frauds.
    split
        Nights to train on and nights held back, each with its planted rounds.
    unused
        Planted round over the nights held back that no fit, choice or measurement uses.
    fitted
        The draft itself.
    """

    features: pa.Table
    frauds: ConfirmedFrauds
    usual: pa.Table
    split: TrainingSplit
    unused: InjectedSample
    fitted: Fitted

    @property
    def examples(self) -> tuple[InjectedSample, ...]:
        """All rounds that the final model is fitted on."""
        split = self.split
        return (*split.training_rounds, *split.validation_rounds, *self.frauds.rounds(self.features))

    @property
    def later(self) -> pa.Table:
        """Features of the nights held back."""
        return self.split.later(self.features)

    @property
    def validated(self) -> TrainingSplit:
        """The split, whose validation rounds are cleared of confirmed frauds."""
        return replace(self.split, validation_rounds=tuple(map(self.frauds.cleared, self.split.validation_rounds)))

    def held_back(self, draft: Model, spec: TrainingSpec) -> HeldBack:
        """The nights held back, with the draft as a model."""
        recent = recent_rows(self.usual, spec.before, _month_rows(self.later, self.split), spec.seed)
        return HeldBack(draft, self.later, self.unused, recent, self.examples)


def _draft(sample: BankHistory, spec: TrainingSpec) -> _Draft:
    with stage(f"features of {sample.postings.num_rows:,} postings"):
        features = settled_features(sample, spec.before)
    frauds = ConfirmedFrauds(spec.confirmed, are_examples=spec.recipe.uses_confirmed)
    usual = frauds.left_out(features)
    earlier = learning_rows(dated_before(usual, validation_start(features, spec.before)), spec.seed)
    with workers(1) as beside:  # the sequence reader needs no planted night and is trained while those are made
        reader = beside.submit(fit_sequence, earlier, spec.recipe, spec.seed)
        with stage("anomalies planted into past nights, and their features"):
            split = TrainingSplit.plan(sample, features, spec)
            unused = _unused_round(sample, split, spec)
        sequence = reader.result()
    examples = (*split.training_rounds, *frauds.rounds(split.earlier(features)))
    fitted = fit(earlier, examples, spec.recipe, spec.seed, sequence)
    return _Draft(features, frauds, usual, split, unused, fitted)


def _unused_round(sample: BankHistory, split: TrainingSplit, spec: TrainingSpec) -> InjectedSample:
    return plant_round(sample, split.validation_from, spec.before - timedelta(days=1), spec.seed + UNUSED_SEED)


def _finished(draft: _Draft, spec: TrainingSpec) -> tuple[Choice, float, Fitted]:
    """The ensemble chosen, its threshold, and everything fitted again on the whole past."""
    settled = _known_choice(draft.fitted, draft.validated, spec)
    rows, sequence = learning_rows(draft.usual, spec.seed), draft.fitted.sequence
    with workers() as pool:  # the final fit does not depend on the choice, and runs while ensembles are measured
        held_out_kinds = {} if settled else _holdout_fits(draft.fitted, draft.split, spec, pool)
        last = pool.submit(fit, rows, draft.examples, spec.recipe, spec.seed, sequence)
        choice = settled or _measured_choice(draft.fitted, draft.validated, spec, held_out_kinds)
        with stage("threshold on the nights held back"):
            threshold = _threshold(draft.fitted, choice, draft.later, spec.budget)
        return choice, threshold, last.result()


def library_versions() -> dict[str, str]:
    """Versions of the libraries that a model is made with, for its card."""
    return {name: version(name) for name in LIBRARIES}


def _known_choice(draft: Fitted, split: TrainingSplit, spec: TrainingSpec) -> Choice | None:
    """A choice without comparison: the given weights, or the fallback when too few postings are planted; else None."""
    if spec.weights is not None and set(spec.weights) <= set(draft.detectors):
        return Choice(spec.weights, {}, EVIDENCE_SCHEMA.empty_table())
    if sum(int(round_.is_planted.sum()) for round_ in split.validation_rounds) < LEAST_PLANTED:
        return fallback(draft, spec.recipe)
    return None


def _holdout_fits(
    draft: Fitted, split: TrainingSplit, spec: TrainingSpec, pool: Executor
) -> dict[frozenset[str], Future[Fitted]]:
    """Hold-out fits: the draft fitted again without each half of the planted kinds, by the kinds left out."""
    return {
        kinds_left_out: pool.submit(
            fitted_without, kinds_left_out, draft, split.training_rounds, spec.recipe, spec.seed
        )
        for kinds_left_out in split.held_out_kinds
    }


def _measured_choice(
    draft: Fitted,
    split: TrainingSplit,
    spec: TrainingSpec,
    held_out_kinds: Mapping[frozenset[str], Future[Fitted]],
) -> Choice:
    """The ensemble with the highest merit on the nights held back, where held-out kinds count too."""
    with stage("the same fitted without half of the kinds, twice"):
        holdouts = [HoldoutFit(kinds_left_out, fitted.result()) for kinds_left_out, fitted in held_out_kinds.items()]
    with stage("ensembles measured on planted nights held back"):
        return choose(draft, split.validation_rounds, spec.recipe, spec.budget, holdouts)


def _threshold(draft: Fitted, choice: Choice, later: pa.Table, budget: float) -> float:
    """The published score above which the budget's share of postings lies, on nights that the draft has not seen.

    Rows that a detector was fitted on score lower than rows of later nights, so that a threshold chosen on them would
    flag too much.
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
        versions=library_versions(),
    )


def _month_rows(nights: pa.Table, split: TrainingSplit) -> int:
    """Average number of rows in `BUDGET_DAYS` of the nights held back, given all rows of these nights."""
    rows: int = nights.num_rows
    return round(rows * BUDGET_DAYS / (split.before - split.validation_from).days)


def _training(draft: _Draft, past: BankHistory, spec: TrainingSpec, notes: Sequence[str]) -> Training:
    features, split = draft.features, draft.split
    nights = features["settlement_date"]
    planted = sum(int(round_.is_planted.sum()) for round_ in (*split.training_rounds, *split.validation_rounds))
    return Training(
        first_night=pc.min(nights).as_py(),
        last_night=pc.max(nights).as_py(),
        rows=features.num_rows,
        planted_rows=planted,
        data_digest=draft.frauds.marked(data_digest(features), features),
        seed=spec.seed,
        budget=spec.budget,
        threshold_since=split.validation_from,
        month_rows=_month_rows(since(past.postings, "trans_date", split.validation_from), split),
        habit_days=past.habit_days,
        notes=tuple(notes),
        cases=draft.frauds.example_count(features),
    )
