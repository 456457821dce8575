"""Chooses refresh rows: only postings that nothing speaks against, and no account or day has more than its share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.lake.tables import Table
from include.learning.profile import PROFILE_SCHEMA, night_profile
from include.models.base import Vector
from include.models.model import Model
from include.models.threshold import BUDGET_DAYS, Flags
from include.relations import DATE
from include.scoring.score import Sight
from include.training.split import kept_share

WINDOW_NIGHTS = 92
"""Nights over which shares of the refresh rows are bounded: they contain three months' ends, as the look-back does."""
MOST_OF_AN_ACCOUNT = 0.01
"""Largest share of the refresh rows from one account. A decision: a hundred accounts have to act alike to stand for the
bank."""
MOST_OF_A_COUNTERPARTY = 0.05
"""Largest share of the refresh rows with one counterparty: employers and utilities honestly deal with many accounts."""
MOST_OF_A_DAY = 0.25
"""Largest share of the refresh rows of one day. The real bank's busiest day, a month's end, has 2,105 of the 8,700
postings of 92 nights."""


REFRESH_SCHEMA = pa.schema(
    [
        pa.field("model_base", pa.string()),  # the approved model whose raw columns these are
        pa.field("values", pa.list_(pa.float32())),  # `Model.values` of one posting; NaN where missing
    ]
)
"""Refresh rows of a night as a model sees them: they hold neither identifiers nor texts."""
REFRESH_TABLE = Table(
    "night_lesson",
    pa.schema([pa.field("settlement_date", DATE), *REFRESH_SCHEMA, pa.field("run_key", pa.string())]),
    "settlement_date",
    (),
)
"""Lake table of the nights' refresh rows, kept with a night's other state."""


@dataclass(frozen=True)
class RefreshRows:
    """The rows that a night keeps for learning and for monitoring.

    Attributes
    ----------
    profile
        Profile of all postings of the night (`PROFILE_SCHEMA`).
    rows
        Refresh rows of the night (`REFRESH_SCHEMA`).
    """

    profile: pa.Table = field(default_factory=PROFILE_SCHEMA.empty_table)
    rows: pa.Table = field(default_factory=REFRESH_SCHEMA.empty_table)


def refresh_rows_of(
    features: pa.Table,
    model: Model,
    flagged: Flags,
    breaks: pa.Table,
    under_review: Collection[int] = (),
    sight: Sight | None = None,
) -> RefreshRows:
    """The profile of a night's postings, and its refresh rows.

    Parameters
    ----------
    features
        Features of the night's postings, as the model scored them.
    model
        Model of the night.
    flagged
        Whether each posting was flagged.
    breaks
        Breaks of the night, as in `settlement_breaks`.
    under_review
        Accounts with an open or confirmed review.
    sight
        The model's values and scores for the features, where they are known already.
    """
    values = model.values(features) if sight is None else sight.values
    teaches = is_eligible(features, flagged, breaks, under_review)
    chosen = values[_drawn(features, weights(features, teaches, window_rows(model)), model)].astype(np.float32)
    rows = pa.ListArray.from_arrays(np.arange(len(chosen) + 1) * values.shape[1], pa.array(chosen.reshape(-1)))
    bases = pa.array([model.base_version] * len(chosen), pa.string())
    return RefreshRows(
        night_profile(model, values, None if sight is None else sight.raws),
        pa.table([bases, rows], schema=REFRESH_SCHEMA),
    )


def _drawn(features: pa.Table, weight: Vector, model: Model) -> Flags:
    """Whether each row is kept: by chance, with a probability of its weight times the share kept of every night."""
    first = features["settlement_date"][0].as_py().toordinal() if features.num_rows else 0
    chance = np.random.default_rng((model.training.seed, first)).random(features.num_rows)
    return np.asarray(chance < weight * kept_share(model.training.month_rows), dtype=np.bool_)


def window_rows(model: Model) -> float:
    """Number of postings in `WINDOW_NIGHTS` nights like those of the training; shares of refresh rows refer to it."""
    return model.training.month_rows * WINDOW_NIGHTS / BUDGET_DAYS


def is_eligible(features: pa.Table, flagged: Flags, breaks: pa.Table, under_review: Collection[int]) -> Flags:
    """Whether each posting of a night may be a refresh row at all.

    Excluded are flagged postings, postings that a break names, all postings of an account with an error among the
    night's breaks (as the mistake may lie in another of its postings) and all postings of accounts under review.
    Quarantined records are not among the postings.

    Parameters
    ----------
    features
        Features of the night.
    flagged
        Whether each posting was flagged.
    breaks
        Breaks of the night, as in `settlement_breaks`.
    under_review
        Accounts with an open or confirmed review.
    """
    errors = breaks.filter(pc.equal(breaks["severity"], "error"))
    accounts = {*errors["account_id"].to_pylist(), *under_review} - {None}
    broken = _is_among(features["trans_id"], breaks["trans_id"].drop_null().to_pylist())
    return np.asarray(~(flagged | broken | _is_among(features["account_id"], accounts)), dtype=np.bool_)


def weights(features: pa.Table, teaches: Flags, rows: float) -> Vector:
    """Weight of each posting: 1, or less where its account, counterparty or day would have more than its share.

    Parameters
    ----------
    features
        Features of one night or of several, with `account_id`, `counterparty` and `settlement_date`.
    teaches
        Whether each row is eligible (`is_eligible`); the others weigh 0.
    rows
        The model's `window_rows`, of which the shares are taken.

    Returns
    -------
    Vector
        Weights, shape (n_rows,). Summed over any `WINDOW_NIGHTS` nights, no account, counterparty or day weighs more
        than its share of `rows`.
    """
    found = teaches.astype(np.float64)
    nights = _codes(features["settlement_date"])
    for column, share in (("account_id", MOST_OF_AN_ACCOUNT), ("counterparty", MOST_OF_A_COUNTERPARTY)):
        groups = _codes(features[column])
        found = _capped(found, nights * (groups.max(initial=0) + 1) + groups, share * rows / WINDOW_NIGHTS, groups >= 0)
    return _capped(found, nights, MOST_OF_A_DAY * rows, nights >= 0)


def _capped(found: Vector, groups: npt.NDArray[np.int64], most: float, is_group: Flags) -> Vector:
    """Weights, lowered in proportion where those of a group exceed `most` together."""
    _, place = np.unique(groups, return_inverse=True)
    totals = np.bincount(place, weights=found)[place] if len(found) else found
    return np.where(is_group & (totals > most), found * most / np.maximum(totals, most), found)


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """An integer code for each distinct value; -1 where the value is null."""
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _is_among(column: pa.ChunkedArray, values: Collection[int]) -> Flags:
    wanted = pa.array(sorted(values), column.type)
    return np.asarray(pc.is_in(column, value_set=wanted).to_numpy(zero_copy_only=False), dtype=np.bool_)
