"""What one training is asked for, beside the bank's past."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from include.models.detectors import Weights
from include.training.recipe import Recipe


@dataclass(frozen=True)
class TrainingSpec:
    """The specification of one training.

    Attributes
    ----------
    before
        The first night that the model may score; postings of this date or later are ignored.
    seed
        Seed of all random choices.
    budget
        Share of an ordinary month's postings to flag.
    recipe
        Detectors and ensembles that may be used.
    weights
        Weights of an ensemble that was chosen elsewhere. The ensemble is chosen by the training when this is None, or
        when a member needs planted anomalies and none could be planted.
    confirmed
        Identifiers of confirmed frauds, as known before `before` (`include.reviews.intake.confirmed_before`). They
        never count as usual. Where there are enough of them and the recipe allows it, detectors are fitted on them as
        on planted examples.
    """

    before: date
    seed: int
    budget: float
    recipe: Recipe = field(default_factory=Recipe)
    weights: Weights | None = None
    confirmed: Collection[int] = frozenset()
