"""Who teaches: only postings nothing speaks against, and none of them more than its share."""

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
"""Nights over which shares of what is taught are held: three months' ends, as the look-back of habits has."""
MOST_OF_AN_ACCOUNT = 0.01
"""Share of what is taught that one account may have. A decision: a hundred have to act alike to be the bank."""
MOST_OF_A_COUNTERPARTY = 0.05
"""The same of one counterparty: employers and utilities deal with many accounts, and honestly so."""
MOST_OF_A_DAY = 0.25
"""The same of one day. The real bank's busiest, a month's end, has 2,105 of the 8,700 postings of 92 of its nights."""


REFRESH_SCHEMA = pa.schema(
    [
        pa.field("model_base", pa.string()),  # the approved model whose raw columns these are
        pa.field("values", pa.list_(pa.float32())),  # `Model.values` of one posting; NaN where missing
    ]
)
"""Postings of a night that teach, as a model sees them: no identifier, no text."""
REFRESH_TABLE = Table(
    "night_lesson",
    pa.schema([pa.field("settlement_date", DATE), *REFRESH_SCHEMA, pa.field("run_key", pa.string())]),
    "settlement_date",
    (),
)
"""The nights' lessons in the lake, kept with a night's other state."""


@dataclass(frozen=True)
class RefreshRows:
    """What a night leaves for learning and for the watch.

    Attributes
    ----------
    profile
        `PROFILE_SCHEMA` of all its postings.
    rows
        `REFRESH_SCHEMA` of those that teach.
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
    """What a night's postings looked like to its model, and those of them that teach.

    Parameters
    ----------
    features
        Of the night's postings, as the model scored them.
    model
        The night's.
    flagged
        Of each of them.
    breaks
        The night's, as `settlement_breaks` has them.
    under_review
        Accounts with an open or confirmed review.
    sight
        What the model sees in the features, where it is known already.
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
    """Which rows are kept: each with the chance that it weighs, times the share that is kept of any night."""
    first = features["settlement_date"][0].as_py().toordinal() if features.num_rows else 0
    chance = np.random.default_rng((model.training.seed, first)).random(features.num_rows)
    return np.asarray(chance < weight * kept_share(model.training.month_rows), dtype=np.bool_)


def window_rows(model: Model) -> float:
    """Postings of `WINDOW_NIGHTS` nights such as the model was trained on; shares of what is taught refer to them."""
    return model.training.month_rows * WINDOW_NIGHTS / BUDGET_DAYS


def is_eligible(features: pa.Table, flagged: Flags, breaks: pa.Table, under_review: Collection[int]) -> Flags:
    """Which postings of a night may teach at all.

    Not those that were flagged, nor that a break names, nor any of an account with an error among the night's breaks
    (what is wrong there may lie in another of its postings), nor of one that analysts look at. Quarantined records are
    not among the postings.

    Parameters
    ----------
    features
        Of the night.
    flagged
        Of each of its rows.
    breaks
        The night's, as `settlement_breaks` has them.
    under_review
        Accounts with an open or confirmed review.
    """
    errors = breaks.filter(pc.equal(breaks["severity"], "error"))
    accounts = {*errors["account_id"].to_pylist(), *under_review} - {None}
    broken = _is_among(features["trans_id"], breaks["trans_id"].drop_null().to_pylist())
    return np.asarray(~(flagged | broken | _is_among(features["account_id"], accounts)), dtype=np.bool_)


def weights(features: pa.Table, teaches: Flags, rows: float) -> Vector:
    """What each posting weighs: 1, but less where its account, its counterparty or its day would have too much.

    Parameters
    ----------
    features
        Of one night or of several, with `account_id`, `counterparty` and `settlement_date`.
    teaches
        Of each row; the others weigh 0.
    rows
        `window_rows` of the model: as many rows teach at least, so that a night's part of a share is a share of them.

    Returns
    -------
    Vector
        Summed over any `WINDOW_NIGHTS` nights, no account, counterparty or day weighs more than its share of `rows`.
    """
    found = teaches.astype(np.float64)
    nights = _codes(features["settlement_date"])
    for column, share in (("account_id", MOST_OF_AN_ACCOUNT), ("counterparty", MOST_OF_A_COUNTERPARTY)):
        groups = _codes(features[column])
        found = _capped(found, nights * (groups.max(initial=0) + 1) + groups, share * rows / WINDOW_NIGHTS, groups >= 0)
    return _capped(found, nights, MOST_OF_A_DAY * rows, nights >= 0)


def _capped(found: Vector, groups: npt.NDArray[np.int64], most: float, is_group: Flags) -> Vector:
    """Weights lowered, in proportion, where those of a group together exceed `most`."""
    _, place = np.unique(groups, return_inverse=True)
    totals = np.bincount(place, weights=found)[place] if len(found) else found
    return np.where(is_group & (totals > most), found * most / np.maximum(totals, most), found)


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """A number for each value; -1 where there is none."""
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _is_among(column: pa.ChunkedArray, values: Collection[int]) -> Flags:
    wanted = pa.array(sorted(values), column.type)
    return np.asarray(pc.is_in(column, value_set=wanted).to_numpy(zero_copy_only=False), dtype=np.bool_)
