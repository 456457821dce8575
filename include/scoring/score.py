"""Scores every posting of some nights once, flags by each night's threshold and gives flagged postings reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.explaining.reasons import explain
from include.features.catalog import SURPRISES
from include.identifiers import masked, unmarked
from include.lake.tables import SCORES_SCHEMA
from include.models.base import Matrix, Vector
from include.models.calibration import published
from include.models.model import Model
from include.models.threshold import Days, flag
from include.scoring.review_adjustment import Feedback, Reasons, Said, explained, moved

CHUNK_ROWS = 100_000
"""Rows scored at once. Each row is scored by itself, so that chunks change nothing; the matrices of a million rows at
once took 1.4 GB beside the features."""
EARLIER_SCHEMA = pa.schema([SCORES_SCHEMA.field("settlement_date"), SCORES_SCHEMA.field("score")])
"""Scores of the nights before, which say how much of the alert budget is left."""


@dataclass(frozen=True)
class Sight:
    """A model's values and scores for a feature table, computed once for all uses.

    Attributes
    ----------
    values
        Result of `Model.values`, shape (n_rows, n_columns).
    raws
        Raw scores of each row, by member.
    rarities
        Result of `Model.rarities`, shape (n_rows,).
    """

    values: Matrix
    raws: Mapping[str, Vector]
    rarities: Vector

    @classmethod
    def of(cls, features: pa.Table, model: Model) -> Sight:
        """The sight of every row, computed in chunks of `CHUNK_ROWS`, which changes nothing."""
        starts = range(0, max(features.num_rows, 1), CHUNK_ROWS)
        parts = [cls._of_few(features.slice(start, CHUNK_ROWS), model) for start in starts]
        return cls(
            values=np.concatenate([part.values for part in parts]),
            raws={name: np.concatenate([part.raws[name] for part in parts]) for name in parts[0].raws},
            rarities=np.concatenate([part.rarities for part in parts]),
        )

    def surprises(self, model: Model) -> dict[str, pa.Array]:
        """The columns that the model's sequence reader gave, by name; none without one."""
        read = [name for name in SURPRISES if name in model.features]
        return {name: pa.array(self.values[:, model.features.index(name)]) for name in read}

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
        Features of one night or of several, as `include.features.build_features` returns them with the `habit_days`
        that the model was trained with. May have no rows.
    model
        Model that was trained on earlier nights only.
    earlier
        Rows of `EARLIER_SCHEMA` for every scored posting of the `BUDGET_DAYS - 1` nights before the first; none when
        None. They change no score, only the nights' thresholds.
    feedback
        Effect of the reviews that were known on the night; none when None.
    sight
        The model's values and scores for the features, where they are known already.

    Returns
    -------
    pyarrow.Table
        Rows of `SCORES_SCHEMA`, one per feature row in the same order.
    """
    scored = _scores(features, model, sight or Sight.of(features, model))
    plain = scored["score"].to_numpy()
    said = _said(features, plain, model, feedback or Feedback.none())
    scores = moved(plain, said)
    limits = _limits(features, scores, model, EARLIER_SCHEMA.empty_table() if earlier is None else earlier)
    flagged = flag(scores, limits)
    reasons = _reasons(features, model, np.flatnonzero(flagged), said, scores - plain)
    columns = {
        **dict(zip(scored.column_names, scored.columns, strict=True)),
        "score": pa.array(scores, pa.float64()),
        "is_flagged": pa.array(flagged, pa.bool_()),
        "threshold": pa.array(limits, pa.float64()),
        "reasons": _told(reasons, unmarked),
        "masked_reasons": _told(reasons, masked),
        # Given when the night is published: it is made with the lake's key.
        "finding_id": pa.nulls(features.num_rows, pa.string()),
    }
    return pa.table([columns[name] for name in SCORES_SCHEMA.names], schema=SCORES_SCHEMA)


def _scores(features: pa.Table, model: Model, sight: Sight) -> pa.Table:
    """The published columns of each row that do not depend on its night's threshold."""
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
    """The own score of every detector on the published scale, as one map per row."""
    offsets = pa.array(np.arange(rows + 1) * len(scores), pa.int32())
    names = pa.DictionaryArray.from_arrays(pa.array(np.tile(np.arange(len(scores)), rows)), pa.array(list(scores)))
    flat = np.column_stack(list(scores.values())).reshape(-1)
    return pa.MapArray.from_arrays(offsets, names.dictionary_decode(), pa.array(flat, pa.float64()))


def _said(features: pa.Table, scores: Vector, model: Model, feedback: Feedback) -> dict[int, list[Said]]:
    """The effects of reviews on each row, by the row's place."""

    def leading(places: Sequence[int]) -> list[str]:
        return [str(reasons[0]["code"]) for reasons in _explained(features, model, places)]

    return feedback.said(features, scores, model.threshold, leading)


def _reasons(
    features: pa.Table,
    model: Model,
    positions: npt.NDArray[np.intp],
    said: Mapping[int, Sequence[Said]],
    extra: Vector,
) -> list[Reasons | None]:
    """The reasons of the rows at the given places, none for all others; `extra` is how far reviews moved each score."""
    places = positions.tolist()
    reasons: list[Reasons | None] = [None] * features.num_rows
    for place, found in zip(places, _explained(features, model, places), strict=True):
        reasons[place] = explained(found, said[place], float(extra[place])) if place in said else found
    return reasons


def _told(reasons: Sequence[Reasons | None], way: Callable[[str], str]) -> pa.Array:
    """The reasons of each row, with the identifiers in their texts told or masked."""
    told = [None if row is None else [_in_words(reason, way) for reason in row] for row in reasons]
    return pa.array(told, SCORES_SCHEMA.field("reasons").type)


def _in_words(reason: Mapping[str, object], way: Callable[[str], str]) -> dict[str, object]:
    return {name: way(value) if isinstance(value, str) else value for name, value in reason.items()}


def _explained(features: pa.Table, model: Model, places: Sequence[int]) -> list[list[dict[str, object]]]:
    described = features.take(pa.array(places, pa.int64()))
    return explain(model, model.values(described), described.to_pylist())
