"""The features that models may see, each with the reason code of its findings."""

from __future__ import annotations

from dataclasses import dataclass

REASON_CODES: tuple[str, ...] = (
    "amount",
    "frequency",
    "spending_limit",
    "counterparty",
    "sequence",
    "timing",
    "location",
    "balance",
    "product",
    "other",
)
"""The published reason codes; `other` collects the contributions that are not named."""


@dataclass(frozen=True)
class Feature:
    """One number that a model may see.

    Attributes
    ----------
    name
        Name of the column in the feature table.
    code
        Reason code under which its contribution is published.
    doc
        Description of what it measures and in which unit.
    """

    name: str
    code: str
    doc: str


MODEL_FEATURES: tuple[Feature, ...] = (
    Feature("amount_z", "amount", "predictive spreads of the log amount above what is expected of this kind"),
    Feature("amount_to_largest", "amount", "log ratio above the account's largest amount of this kind ever"),
    Feature("amount_to_high", "amount", "log ratio above what nine in ten of the account's of this kind stay within"),
    Feature("amount_excess", "amount", "the money that lies above that: five times little is little"),
    Feature("amount_to_payments", "amount", "log ratio above the account's largest payment of any kind lately"),
    Feature("amount_to_siblings", "amount", "predictive spreads above the owner's other accounts"),
    Feature("amount_to_salary", "amount", "log ratio above the average salary where the owner lives"),
    Feature("day_count", "frequency", "postings of the day beyond the usual, in square roots of the usual"),
    Feature("week_count", "frequency", "the same of seven days"),
    Feature("month_count", "frequency", "the same of thirty days"),
    Feature("kind_count", "frequency", "minus log of how often anyone in the bank has so many of this kind in a day"),
    Feature("day_spend", "spending_limit", "log ratio of what was paid on the day to a usual paying day"),
    Feature("week_spend", "spending_limit", "the same of seven days"),
    Feature("month_spend", "spending_limit", "the same of thirty days"),
    Feature("day_limit", "spending_limit", "log ratio of what was paid on the day above the most on any day lately"),
    Feature("week_limit", "spending_limit", "the same of seven days"),
    Feature("month_limit", "spending_limit", "the same of thirty days"),
    Feature("balance_share", "balance", "share of the balance before that a payment takes"),
    Feature("balance_low", "balance", "log ratio of the lowest balance lately to the balance after"),
    Feature("overdrawn", "balance", "1 when the balance after is below zero"),
    Feature("new_counterparty", "counterparty", "minus log of how often the account's transfers go to new ones"),
    Feature("unknown_counterparty", "counterparty", "1 when a new counterparty is known to no account, 1/2 to one"),
    Feature("stranger_amount", "counterparty", "log ratio of what a new counterparty gets to a usual paying day"),
    Feature("stranger_share", "counterparty", "share of the balance that goes to a new counterparty"),
    Feature("new_kind", "product", "minus log of how often accounts take up this kind, for a kind never used"),
    Feature("unowned", "product", "1 for a posting of a card or loan that the client does not have"),
    Feature("gap", "timing", "log ratio of the days since the last posting of this kind to the usual gap"),
    Feature("early", "sequence", "minus log of how often anyone repeats a payment of this kind so soon"),
    Feature("strange_order", "sequence", "minus log share in which this kind follows that of the account's day before"),
    Feature("strange_week", "sequence", "the same summed over seven days, beyond what is usual for the account"),
    Feature("sequence_gap", "sequence", "surprise of the sequence model at how long nothing came before"),
    Feature("sequence_kind", "sequence", "its surprise at the kind of operation, on that date"),
    Feature("sequence_counterparty", "counterparty", "its surprise at the counterparty, given the kind"),
    Feature("sequence_amount", "amount", "its surprise at the amount, given kind and counterparty"),
    Feature("silence", "timing", "log ratio of the days without a decision of the account's people to the usual"),
    Feature("hour_rarity", "timing", "minus log share of the account's postings of this sort near this hour"),
    Feature("place_rarity", "location", "minus log share of the account's postings in that district"),
    Feature("distance", "location", "log of the kilometres to the nearest place usual for the account"),
    Feature("travel", "location", "log ratio of the time the way from its other posting takes to the time there was"),
)
"""The features that detectors are trained on.

The client's age, sex and district are in the feature table but not here: nobody can be called about having an age,
and a model that flags by it would treat clients differently without a finding to show for it.
"""

SURPRISES: tuple[str, ...] = ("sequence_gap", "sequence_kind", "sequence_counterparty", "sequence_amount")
"""The features that a sequence reader gives, in the order of its surprises; the others are columns of the feature
table."""

CONTEXT: tuple[str, ...] = ("observed_days", "habit_postings", "kind_postings")
"""Columns that are no sign by themselves but say how much of a habit there was to see; the same sign weighs more where
there was much. Their part of a score is published under `other`."""

FEATURES_BY_NAME: dict[str, Feature] = {feature.name: feature for feature in MODEL_FEATURES}

GRADED: frozenset[str] = frozenset(
    {
        *("amount_z", "amount_to_largest", "amount_to_high", "amount_excess", "amount_to_payments"),
        *("day_count", "week_count", "month_count", "day_spend", "week_spend", "month_spend"),
    }
)
"""Graded features, which everybody has more or less of: amounts, counts and sums against the usual.

The rarity of their large values is extrapolated from the body of the distribution, not taken from the highest values of
the past, which may be frauds that nobody found. Events have naturally long tails (gaps, first times), so that the same
would flag ordinary postings: with all features extrapolated, average precision of `rarity` (the detector that adds up
how rare each feature's value is) on the real bank's blatant planted anomalies fell from 0.76 to 0.47. With these alone
it stayed, and on a bank with known frauds in its past it rose from 0.015 to 0.117. Most of that comes from
`amount_excess` (with its logarithm: 0.044), whose line in money overstates how rare the largest amounts are at a bank
with a few very rich accounts; there the training chooses other detectors.
"""
