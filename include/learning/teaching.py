"""Who teaches: only postings nothing speaks against, and none of them more than its share."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.learning.profile import night_profile
from include.models.base import Matrix, Vector
from include.models.model import Model
from include.models.threshold import BUDGET_DAYS, Flags, flag

WINDOW_NIGHTS = 92
"""Nights that teach: three months' ends, as the look-back of habits has."""
MOST_OF_AN_ACCOUNT = 0.01
"""Share of what is taught that one account may have. A decision: a hundred have to act alike to be the bank."""
MOST_OF_A_COUNTERPARTY = 0.05
"""The same of one counterparty: employers and utilities deal with many accounts, and honestly so."""
MOST_OF_A_DAY = 0.25
"""The same of one day. The real bank's busiest, a month's end, has 2,105 of the 8,700 postings of 92 of its nights."""


def taught_profile(
    features: pa.Table, model: Model, flagged: Flags, breaks: pa.Table, under_review: Collection[int] = ()
) -> pa.Table:
    """What a night's postings looked like to its model, and what of it may teach.

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

    Returns
    -------
    pyarrow.Table
        `PROFILE_SCHEMA`.
    """
    values = model.values(features)
    teaches = may_teach(features, flagged | flagged_as_trained(model, values), breaks, under_review)
    return night_profile(model, values, weights(features, teaches, window_rows(model)))


def window_rows(model: Model) -> float:
    """Postings of `WINDOW_NIGHTS` nights such as the model was trained on; shares of what is taught refer to them."""
    return model.training.month_rows * WINDOW_NIGHTS / BUDGET_DAYS


def may_teach(features: pa.Table, flagged: Flags, breaks: pa.Table, under_review: Collection[int]) -> Flags:
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


def flagged_as_trained(model: Model, values: Matrix) -> Flags:
    """Which raw rows the approved model, as it was trained, would flag.

    What an adapted one lets pass does not teach either as long as the approved one flags it: a model whose own
    leniency decided what teaches would become more lenient for it.
    """
    return flag(model.trained().score(values), model.threshold)


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
