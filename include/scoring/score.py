"""The scores of nights: every posting once, flagged by its night's threshold, with reasons where flagged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.lake.tables import SCORES_SCHEMA
from include.models.base import Matrix, Vector
from include.models.model import Model
from include.models.threshold import Days, flag
from include.scoring.feedback import Feedback, Said, explained, moved
from include.scoring.reasons import explain

CHUNK_ROWS = 100_000
"""Rows scored at once. Each stands for itself; the matrices of a million at once took 1.4 GB beside the features."""
EARLIER_SCHEMA = pa.schema([SCORES_SCHEMA.field("settlement_date"), SCORES_SCHEMA.field("score")])
"""What is known of the nights before: they say how much of the alert budget is left."""


def score_night(
    features: pa.Table, model: Model, earlier: pa.Table | None = None, feedback: Feedback | None = None
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

    Returns
    -------
    pyarrow.Table
        `SCORES_SCHEMA`, one row per feature row in the same order.
    """
    starts = range(0, max(features.num_rows, 1), CHUNK_ROWS)
    scored = pa.concat_tables([_scores(features.slice(start, CHUNK_ROWS), model) for start in starts])
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


def _scores(features: pa.Table, model: Model) -> pa.Table:
    """What each row has whatever its night."""
    values = model.values(features)
    return pa.table(
        {
            "trans_id": features["trans_id"],
            "account_id": features["account_id"],
            "settlement_date": features["settlement_date"],
            "score": pa.array(model.score(values), pa.float64()),
            "typical_score": pa.array(model.typical_scores(values), pa.float64()),
            "model_version": pa.array([model.version] * len(values), pa.string()),
            "detector_scores": _detector_scores(model, values),
        }
    )


def _limits(features: pa.Table, scores: Vector, model: Model, earlier: pa.Table) -> Vector:
    return model.alert_budget.nightly(
        _nights(features), scores, _nights(earlier), earlier["score"].to_numpy(zero_copy_only=False)
    )


def _nights(table: pa.Table) -> Days:
    return np.asarray(table["settlement_date"].to_numpy(), dtype="datetime64[D]")


def _detector_scores(model: Model, values: Matrix) -> pa.Array:
    """Every detector's own score beside the published one, as one map a row."""
    scores = model.detector_scores(values)
    rows = len(values)
    offsets = pa.array(np.arange(rows + 1) * len(scores), pa.int32())
    names = pa.array(list(scores) * rows, pa.string())
    flat = np.column_stack(list(scores.values())).reshape(-1)
    return pa.MapArray.from_arrays(offsets, names, pa.array(flat, pa.float64()))


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
