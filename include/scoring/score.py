"""The scores of a night: every posting once, flagged by the model's threshold, with reasons where flagged."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from include.lake.tables import SCORES_SCHEMA
from include.models.base import Matrix
from include.models.model import Model
from include.models.threshold import Flags, flag
from include.scoring.reasons import explain

CHUNK_ROWS = 100_000
"""Rows scored at once. Each stands for itself; the matrices of a million at once took 1.4 GB beside the features."""


def score_night(features: pa.Table, model: Model) -> pa.Table:
    """Score every row of a feature table.

    Parameters
    ----------
    features
        Of one night or of several, as `include.features.build_features` gives them with the `habit_days` the model
        was trained with. May have no rows.
    model
        Trained on earlier nights only.

    Returns
    -------
    pyarrow.Table
        `SCORES_SCHEMA`, one row per feature row in the same order.
    """
    chunks = range(0, max(features.num_rows, 1), CHUNK_ROWS)
    return pa.concat_tables([_score_rows(features.slice(start, CHUNK_ROWS), model) for start in chunks])


def _score_rows(features: pa.Table, model: Model) -> pa.Table:
    values = model.values(features)
    scores = model.score(values)
    flagged = flag(scores, model.threshold)
    rows = features.num_rows
    columns = {
        "trans_id": features["trans_id"],
        "account_id": features["account_id"],
        "settlement_date": features["settlement_date"],
        "score": pa.array(scores, pa.float64()),
        "typical_score": pa.array(model.typical_scores(values), pa.float64()),
        "is_flagged": pa.array(flagged, pa.bool_()),
        "threshold": pa.array(np.full(rows, model.threshold), pa.float64()),
        "model_version": pa.array([model.version] * rows, pa.string()),
        "detector_scores": _detector_scores(model, values),
        "reasons": _reasons(features, model, values, flagged),
    }
    return pa.table(columns, schema=SCORES_SCHEMA)


def _detector_scores(model: Model, values: Matrix) -> pa.Array:
    """Every detector's own score beside the published one, as one map a row."""
    scores = model.detector_scores(values)
    rows = len(values)
    offsets = pa.array(np.arange(rows + 1) * len(scores), pa.int32())
    names = pa.array(list(scores) * rows, pa.string())
    flat = np.column_stack(list(scores.values())).reshape(-1)
    return pa.MapArray.from_arrays(offsets, names, pa.array(flat, pa.float64()))


def _reasons(features: pa.Table, model: Model, values: Matrix, flagged: Flags) -> pa.Array:
    positions = np.flatnonzero(flagged)
    described = features.take(pa.array(positions, pa.int64())).to_pylist()
    reasons: list[list[dict[str, object]] | None] = [None] * features.num_rows
    for position, found in zip(positions, explain(model, values[positions], described), strict=True):
        reasons[position] = found
    return pa.array(reasons, SCORES_SCHEMA.field("reasons").type)
