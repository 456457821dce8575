"""The canary set: rows fixed with an approved model, on which every update of it is tried before it is used."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.errors import IntegrityError
from include.evaluation.rounds import plant_round
from include.learning.profile import PROFILE_SCHEMA, night_profile
from include.learning.teaching import weights, window_rows
from include.models.base import Matrix
from include.models.model import Model
from include.models.threshold import flag
from include.registry import ModelRegistry
from include.scoring.fitting import sample_rows
from include.scoring.train import HeldBack

CANARY, REFERENCE = "canary", "reference"
"""Parts of a model version that hold the rows, and what the draft met on the nights held back."""
ORDINARY_ROWS = 5_000
"""With a budget of 2 % a hundred of them are flagged: their share is then known to a tenth of itself."""
CANARY_SEED = 500_000
"""Added to the training's seed: episodes that nothing was taught, chosen or measured on."""

MOST_RECALL_LOST = 0.03
"""Of all planted rows. A decision: one theft in thirty-three is what keeping up may cost."""
MOST_KIND_LOST = 0.10
"""Of the planted rows of one kind, where there are `LEAST_OF_A_KIND`: an attack on one does not hide in the mean."""
LEAST_OF_A_KIND = 20
MOST_ALARMS_MORE = 0.5
"""False alarms may exceed the alert budget by as much of it: a month then flags 3 % instead of 2 %. Measured from the
budget, since the approved model was fitted on the canary's ordinary rows too and flags fewer of them than of new ones:
on the real bank 1.2 %, and any move of a calibration shows the rest."""


@dataclass(frozen=True)
class CanaryFigures:
    """How a model does on the canary set, at its threshold.

    Attributes
    ----------
    recall
        Of all planted rows.
    recall_by_kind
        Of those kinds that have `LEAST_OF_A_KIND`.
    false_alarms
        Share of the ordinary rows that are flagged.
    """

    recall: float
    recall_by_kind: dict[str, float]
    false_alarms: float


@dataclass(frozen=True)
class Canary:
    """Raw rows in the order of a model's `features`.

    Attributes
    ----------
    ordinary, planted
        Shape (n_rows, n_features), NaN where missing.
    kinds, strengths
        Of the planted rows.
    """

    ordinary: Matrix
    planted: Matrix
    kinds: tuple[str, ...]
    strengths: tuple[str, ...]

    def figures(self, model: Model) -> CanaryFigures:
        """What a model finds, and what it flags in vain."""
        found = flag(model.score(self.planted), model.threshold)
        kinds = np.array(self.kinds, dtype=object)
        counts = {kind: int((kinds == kind).sum()) for kind in sorted(set(self.kinds))}
        return CanaryFigures(
            recall=float(found.mean()),
            recall_by_kind={k: float(found[kinds == k].mean()) for k, n in counts.items() if n >= LEAST_OF_A_KIND},
            false_alarms=float(flag(model.score(self.ordinary), model.threshold).mean()),
        )

    def to_bytes(self, features: tuple[str, ...]) -> bytes:
        """The rows as Parquet, those planted with kind and strength."""
        values = np.vstack([self.ordinary, self.planted])
        blank = [None] * len(self.ordinary)
        columns = {name: pa.array(values[:, place]) for place, name in enumerate(features)}
        labels = {_KIND: [*blank, *self.kinds], _STRENGTH: [*blank, *self.strengths]}
        return parquet_bytes(
            pa.table({**columns, **{name: pa.array(label, pa.string()) for name, label in labels.items()}})
        )

    @classmethod
    def from_bytes(cls, content: bytes, features: tuple[str, ...]) -> Canary:
        """The rows again."""
        rows = pq.read_table(io.BytesIO(content))
        is_planted = pc.is_valid(rows[_KIND])
        planted = rows.filter(is_planted)
        return cls(
            ordinary=_matrix(rows.filter(pc.invert(is_planted)), features),
            planted=_matrix(planted, features),
            kinds=tuple(planted[_KIND].to_pylist()),
            strengths=tuple(planted[_STRENGTH].to_pylist()),
        )


# No feature is called like this.
_KIND, _STRENGTH = "planted kind", "planted strength"


def draw_canary(model: Model, held_back: HeldBack) -> Canary:
    """Ordinary rows of the nights held back in training, and rows planted into them anew.

    The ordinary ones were seen when the model was fitted a last time; their false alarms are those of the past. What
    habits become is not in them: rows are kept as their features were.
    """
    round_ = plant_round(held_back.bank, held_back.first, held_back.last, model.training.seed + CANARY_SEED)
    return Canary(
        ordinary=sample_rows(model.values(held_back.features), ORDINARY_ROWS, model.training.seed),
        planted=model.values(round_.culprits),
        kinds=tuple(map(str, round_.kinds[round_.is_planted])),
        strengths=tuple(map(str, round_.strengths[round_.is_planted])),
    )


def draw_reference(model: Model, held_back: HeldBack) -> pa.Table:
    """`PROFILE_SCHEMA`: what the draft met on nights it had not seen, as a night's profile would tell of the model's.

    Rows that taught a detector score lower than rows to come; nights after the training are compared with rows that
    taught the draft nothing.
    """
    draft, features = held_back.draft, held_back.features
    values = draft.values(features)
    teaches = ~flag(draft.score(values), draft.threshold)
    profile = night_profile(draft, values, weights(features, teaches, window_rows(model)))
    names = pa.array([model.version] * profile.num_rows, pa.string())
    return profile.set_column(0, PROFILE_SCHEMA.field("model_base"), names)


def keep_canary(registry: ModelRegistry, model: Model, held_back: HeldBack) -> None:
    """Draw both and keep them, sealed, with the model; without them nothing is ever learned on top of it."""
    registry.keep(model.version, CANARY, draw_canary(model, held_back).to_bytes(model.features))
    registry.keep(model.version, REFERENCE, parquet_bytes(draw_reference(model, held_back)))


def kept_canary(registry: ModelRegistry, model: Model) -> tuple[Canary, pa.Table] | None:
    """The canary set and the reference of an approved model; None where it was trained without.

    Raises
    ------
    IntegrityError
        When their bytes do not verify, or are not what `keep_canary` writes.
    """
    rows, profile = (registry.kept(model.version, part) for part in (CANARY, REFERENCE))
    if rows is None or profile is None:
        return None
    try:
        return Canary.from_bytes(rows, model.features), pq.read_table(io.BytesIO(profile)).cast(PROFILE_SCHEMA)
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise IntegrityError(
            f"the canary set of model {model.version} verifies, but is not what this registry writes "
            f"({type(error).__name__}): restore it or train again"
        ) from error


def objections(approved: CanaryFigures, updated: CanaryFigures, budget: float) -> list[str]:
    """Which figures of an update fail, in sentences; none when it may be used.

    Parameters
    ----------
    approved, updated
        Of the approved model and of its update.
    budget
        The alert budget, a share of postings.
    """
    return [
        *_recall_objections(approved, updated),
        *(
            f"false alarms are {updated.false_alarms:.2%}, {approved.false_alarms:.2%} as approved; the budget is "
            f"{budget:.2%} and at most {MOST_ALARMS_MORE * budget:.2%} more are allowed"
            for _ in range(updated.false_alarms > max(approved.false_alarms, budget) + MOST_ALARMS_MORE * budget)
        ),
    ]


def _recall_objections(approved: CanaryFigures, updated: CanaryFigures) -> list[str]:
    pairs = [("recall", approved.recall, updated.recall, MOST_RECALL_LOST)]
    pairs += [
        (f"recall of {kind}", recall, updated.recall_by_kind[kind], MOST_KIND_LOST)
        for kind, recall in approved.recall_by_kind.items()
    ]
    return [
        f"{what} is {now:.1%}, {was:.1%} as approved and at most {most:.0%} less is allowed"
        for what, was, now, most in pairs
        if now < was - most
    ]


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as the parts of a version hold it."""
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _matrix(rows: pa.Table, features: tuple[str, ...]) -> Matrix:
    columns = [rows[name].to_numpy() for name in features]
    return np.column_stack(columns).reshape(rows.num_rows, len(features))
