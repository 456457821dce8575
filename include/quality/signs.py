"""Sign conventions: detects negative amounts that take nothing back but are a source's way to write debits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

NEGATIVE = "amount_negative"
"""Reason code of negative amounts that are not reversals but this source's way to write debits."""
MEND = "the source writes debits with a sign; deliver amounts without one, since trans_type says the direction"
"""What to do about them, for people."""

# A decision: more than one record in twenty, and more than twenty records, are no slips; real banks reverse a few in a
# thousand.
LARGEST_UNMATCHED_SHARE = 0.05
FEW_UNMATCHED = 20


def are_signs(days: npt.NDArray[Any], is_new: Mask, is_debit: Mask, is_unmatched: Mask, recent_days: int) -> Mask:
    """Whether each new posting is negative only because of how its source writes debits.

    Parameters
    ----------
    days
        Day on which each posting was booked.
    is_new, is_debit
        Whether each posting is to be judged (and not of the look-back), and whether it is a debit that was not refused.
    is_unmatched
        Whether each posting's amount is negative and takes nothing back.
    recent_days
        Days before a night that are counted too, as a small bank's night has too few debits to decide by.
    """
    if not (is_new & is_unmatched).any():
        return np.zeros(len(days), dtype=bool)
    nights, night_of = np.unique(days, return_inverse=True)
    offered, found, debits, negatives = (
        np.bincount(night_of[each], minlength=len(nights)).astype(np.int64)
        for each in (is_new, is_new & is_unmatched, is_debit, is_debit & is_unmatched)
    )
    is_many = found > np.maximum(FEW_UNMATCHED, LARGEST_UNMATCHED_SHARE * offered)
    since = np.searchsorted(nights, nights - np.timedelta64(recent_days, "D"))
    is_usual = _are_usual(debits, negatives, since, is_many)
    refused: Mask = is_new & is_unmatched & (is_many[night_of] | (is_usual[night_of] & is_debit))
    return refused


def _are_usual(debits: Counts, negatives: Counts, since: npt.NDArray[np.intp], is_many: Mask) -> Mask:
    """Whether most debits of each night are negative, counted together with accepted debits since an earlier night."""
    is_usual = np.zeros(len(debits), dtype=bool)
    kept, kept_negatives = debits.copy(), negatives.copy()
    for night, first in enumerate(since):
        recent = slice(first, night + 1)
        is_usual[night] = 2 * kept_negatives[recent].sum() > kept[recent].sum()
        if is_usual[night] or is_many[night]:
            kept[night] -= negatives[night]
            kept_negatives[night] = 0
    return is_usual
