"""Features that only repeat what another feature of the same posting says; they count under that one's reason code.

A card withdrawal where there is no card is one fact. The product features say it, and so does the sequence model, which
the kind surprised. Divided between both codes, each part would look smaller than other reasons; counted once, under the
code that names the cause, the cause comes first. Measured on planted nights of the real bank (December 1993 and January
1994, flagged postings): when every feature counted under its own code, the planted cause was among the first three
reasons for 29 % of products, 9 % of days beyond a limit and 44 % of months beyond one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from include.features.catalog import FEATURES_BY_NAME

LEAST_RARITY = 1.0
"""Least rarity of a feature that can be a cause: one row in 10**1; more common values are not unusual to anybody."""


@dataclass(frozen=True)
class Echo:
    """A feature that only repeats others of one code, where any of these is unusual.

    Attributes
    ----------
    feature
        Name of the repeating feature.
    causes
        Names of the features that it repeats; all have the same code.
    """

    feature: str
    causes: tuple[str, ...]

    @property
    def code(self) -> str:
        """The code of the causes, which the feature then counts under."""
        return FEATURES_BY_NAME[self.causes[0]].code


_LIMITS = ("day_limit", "week_limit", "month_limit")

ECHOES: tuple[Echo, ...] = (
    # A kind that was never used, or that needs a product the client lacks, is a surprise in every sequence.
    Echo("sequence_kind", ("new_kind", "unowned")),
    # Many postings on one day have gaps of zero days. (Many in a week, each on its own day, may still be a new order.)
    Echo("sequence_gap", ("day_count", "kind_count")),
    Echo("early", ("day_count", "kind_count")),
    # A payment to a stranger lowers the balance.
    Echo("balance_share", ("stranger_share",)),
    Echo("balance_low", ("stranger_share",)),
    # A large amount is a large share of the balance.
    Echo("balance_share", ("amount_z", "amount_to_high", "amount_to_payments", "sequence_amount")),
    # An account that spends more than ever has less left than ever.
    Echo("balance_share", _LIMITS),
    Echo("balance_low", _LIMITS),
    # Record spending over weeks comes with more payments; many payments in a day (a burst) stay a finding of their own.
    Echo("week_count", ("week_limit", "month_limit")),
    Echo("month_count", ("week_limit", "month_limit")),
)
"""All echoes, in order of precedence."""


def weighing_codes(rarities: Mapping[str, float]) -> dict[str, str]:
    """The code that each feature of a posting counts under.

    Parameters
    ----------
    rarities
        Rarity of each feature, in powers of ten.
    """
    codes = {feature: FEATURES_BY_NAME[feature].code for feature in rarities}
    for echo in reversed(ECHOES):
        if echo.feature in codes and any(rarities.get(cause, 0) >= LEAST_RARITY for cause in echo.causes):
            codes[echo.feature] = echo.code
    return codes
