"""The scores of a night: every posting once, flagged by the model's threshold, with reasons where flagged."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from include.lake.tables import SCORES_SCHEMA
from include.models.base import Matrix, Vector
from include.models.model import Model, feature_values
from include.models.threshold import Flags, flag
from include.scoring.reasons import explain


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
    values = feature_values(features, model.features)
    scores = model.score(values)
    flagged = flag(scores, model.threshold)
    rows = features.num_rows
    columns = {
        "trans_id": features["trans_id"],
        "account_id": features["account_id"],
        "settlement_date": features["settlement_date"],
        "score": pa.array(scores, pa.float64()),
        "typical_score": pa.array(np.full(rows, model.typical_score if rows else 0.0), pa.float64()),
        "is_flagged": pa.array(flagged, pa.bool_()),
        "threshold": pa.array(np.full(rows, model.threshold), pa.float64()),
        "model_version": pa.array([model.version] * rows, pa.string()),
        "detector_scores": _detector_scores(model, scores),
        "reasons": _reasons(features, model, values, flagged),
    }
    return pa.table(columns, schema=SCORES_SCHEMA)


def _detector_scores(model: Model, scores: Vector) -> pa.Array:
    entries = [[(model.detector.name, float(score))] for score in scores]
    return pa.array(entries, SCORES_SCHEMA.field("detector_scores").type)


def _reasons(features: pa.Table, model: Model, values: Matrix, flagged: Flags) -> pa.Array:
    positions = np.flatnonzero(flagged)
    described = features.take(pa.array(positions, pa.int64())).to_pylist()
    reasons: list[list[dict[str, object]] | None] = [None] * features.num_rows
    for position, row in zip(positions, described, strict=True):
        reasons[position] = explain(model, values[position], row)
    return pa.array(reasons, SCORES_SCHEMA.field("reasons").type)
