"""The features the models may see, each with the reason code its findings bear."""

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
"""The published reason codes; `other` gathers what is not named."""


@dataclass(frozen=True)
class Feature:
    """One number a model may see.

    Attributes
    ----------
    name
        Column of the feature table.
    code
        Reason code under which its contribution is published.
    doc
        What it measures and in which unit.
    """

    name: str
    code: str
    doc: str


MODEL_FEATURES: tuple[Feature, ...] = (
    Feature("amount_z", "amount", "spreads of the log amount above the account's habit for this kind of operation"),
    Feature("amount_to_largest", "amount", "log ratio above the account's largest amount of this kind ever"),
    Feature("amount_to_salary", "amount", "log ratio above the average salary where the owner lives"),
    Feature("day_count", "frequency", "log ratio of the day's postings above a usual active day's"),
    Feature("week_count", "frequency", "log ratio of seven days' postings above the usual"),
    Feature("day_spend", "spending_limit", "log ratio of what was paid on the day above a usual paying day's"),
    Feature("week_spend", "spending_limit", "log ratio of what was paid in seven days above the usual"),
    Feature("balance_share", "balance", "share of the balance before that a payment takes"),
    Feature("overdrawn", "balance", "1 when the balance after is below zero"),
    Feature("new_counterparty", "counterparty", "0 known, towards 1 new where payments of this kind are common"),
    Feature("new_kind", "product", "0 used before, towards 1 a kind of operation new to a busy account"),
    Feature("gap", "sequence", "log ratio of the days since the last posting of this kind to the usual gap"),
    Feature("hour_distance", "timing", "hours from the account's usual hour, weighted by how usual that is"),
    Feature("place_rarity", "location", "minus log share of the account's postings in that district"),
)
"""What detectors are trained on.

The client's age, sex and district are in the feature table but not here: nobody can be called about having an age,
and a model that flags by it would treat clients differently without a finding to show for it.
"""

FEATURES_BY_NAME: dict[str, Feature] = {feature.name: feature for feature in MODEL_FEATURES}
