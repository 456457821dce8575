"""The scores of nights: every posting once, flagged by its night's threshold, with reasons where flagged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.explaining.reasons import explain
from include.lake.tables import SCORES_SCHEMA
from include.models.base import Matrix, Vector
from include.models.calibration import published
from include.models.model import Model
from include.models.threshold import Days, flag
from include.scoring.review_adjustment import Feedback, Said, explained, moved

CHUNK_ROWS = 100_000
"""Rows scored at once. Each stands for itself; the matrices of a million at once took 1.4 GB beside the features."""
EARLIER_SCHEMA = pa.schema([SCORES_SCHEMA.field("settlement_date"), SCORES_SCHEMA.field("score")])
"""What is known of the nights before: they say how much of the alert budget is left."""


@dataclass(frozen=True)
class Sight:
    """What a model sees in a feature table, found once for all who ask.

    Attributes
    ----------
    values
        `Model.values`.
    raws
        Every member's own scores.
    rarities
        `Model.rarities`.
    """

    values: Matrix
    raws: Mapping[str, Vector]
    rarities: Vector

    @classmethod
    def of(cls, features: pa.Table, model: Model) -> Sight:
        """Of every row; each stands for itself, so that `CHUNK_ROWS` are looked at together."""
        starts = range(0, max(features.num_rows, 1), CHUNK_ROWS)
        parts = [cls._of_few(features.slice(start, CHUNK_ROWS), model) for start in starts]
        return cls(
            values=np.concatenate([part.values for part in parts]),
            raws={name: np.concatenate([part.raws[name] for part in parts]) for name in parts[0].raws},
            rarities=np.concatenate([part.rarities for part in parts]),
        )

    @classmethod
    def _of_few(cls, features: pa.Table, model: Model) -> Sight:
        rows = model.rows(model.values(features))
        raws = model.raws_of(rows, everybody=True)
        return cls(rows.values, raws, model.rarities_of(rows, raws))


def score_night(
    features: pa.Table,
    model: Model,
    earlier: pa.Table | None = None,
    feedback: Feedback | None = None,
    sight: Sight | None = None,
) -> pa.Table:
    """Score every row of a feature table.

    Parameters
    ----------
    features
        Of one night or of several, as `include.features.build_features` gives them with the `habit_days` the model
        was trained with. May have no rows.
    model
        Trained on earlier nights only.
    earlier
        `EARLIER_SCHEMA`: every posting of the `BUDGET_DAYS - 1` nights before the first, as far as they were scored;
        none when None. They change no score, only where the nights' thresholds lie.
    feedback
        What reviews that were known say of the postings; nothing when None.
    sight
        What the model sees in the features, where it is known already.

    Returns
    -------
    pyarrow.Table
        `SCORES_SCHEMA`, one row per feature row in the same order.
    """
    scored = _scores(features, model, sight or Sight.of(features, model))
    plain = scored["score"].to_numpy()
    said = _said(features, plain, model, feedback or Feedback.none())
    scores = moved(plain, said)
    limits = _limits(features, scores, model, EARLIER_SCHEMA.empty_table() if earlier is None else earlier)
    flagged = flag(scores, limits)
    columns = {
        **dict(zip(scored.column_names, scored.columns, strict=True)),
        "score": pa.array(scores, pa.float64()),
        "is_flagged": pa.array(flagged, pa.bool_()),
        "threshold": pa.array(limits, pa.float64()),
        "reasons": _reasons(features, model, np.flatnonzero(flagged), said, scores - plain),
    }
    return pa.table([columns[name] for name in SCORES_SCHEMA.names], schema=SCORES_SCHEMA)


def _scores(features: pa.Table, model: Model, sight: Sight) -> pa.Table:
    """What each row has whatever its night."""
    return pa.table(
        {
            "trans_id": features["trans_id"],
            "account_id": features["account_id"],
            "settlement_date": features["settlement_date"],
            "score": pa.array(published(sight.rarities), pa.float64()),
            "typical_score": pa.array(model.typical_scores(sight.values), pa.float64()),
            "model_version": pa.array([model.version] * features.num_rows, pa.string()),
            "detector_scores": _detector_scores(model.published_raws(sight.raws), features.num_rows),
        }
    )


def _limits(features: pa.Table, scores: Vector, model: Model, earlier: pa.Table) -> Vector:
    return model.alert_budget.nightly(
        _nights(features), scores, _nights(earlier), earlier["score"].to_numpy(zero_copy_only=False)
    )


def _nights(table: pa.Table) -> Days:
    return np.asarray(table["settlement_date"].to_numpy(), dtype="datetime64[D]")


def _detector_scores(scores: Mapping[str, Vector], rows: int) -> pa.Array:
    """Every detector's own score beside the published one, as one map a row."""
    offsets = pa.array(np.arange(rows + 1) * len(scores), pa.int32())
    names = pa.DictionaryArray.from_arrays(pa.array(np.tile(np.arange(len(scores)), rows)), pa.array(list(scores)))
    flat = np.column_stack(list(scores.values())).reshape(-1)
    return pa.MapArray.from_arrays(offsets, names.dictionary_decode(), pa.array(flat, pa.float64()))


def _said(features: pa.Table, scores: Vector, model: Model, feedback: Feedback) -> dict[int, list[Said]]:
    """What reviews say of each row, by its place."""

    def leading(places: Sequence[int]) -> list[str]:
        return [str(reasons[0]["code"]) for reasons in _explained(features, model, places)]

    return feedback.said(features, scores, model.threshold, leading)


def _reasons(
    features: pa.Table,
    model: Model,
    positions: npt.NDArray[np.intp],
    said: Mapping[int, Sequence[Said]],
    extra: Vector,
) -> pa.Array:
    """Of the rows at the given places; null for the others. `extra` is by how much reviews moved each row's score."""
    places = positions.tolist()
    reasons: list[list[dict[str, object]] | None] = [None] * features.num_rows
    for place, found in zip(places, _explained(features, model, places), strict=True):
        reasons[place] = explained(found, said[place], float(extra[place])) if place in said else found
    return pa.array(reasons, SCORES_SCHEMA.field("reasons").type)


def _explained(features: pa.Table, model: Model, places: Sequence[int]) -> list[list[dict[str, object]]]:
    described = features.take(pa.array(places, pa.int64()))
    return explain(model, model.values(described), described.to_pylist())
