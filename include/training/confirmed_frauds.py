"""Confirmed cases in a training: never among what is usual, and, where there are enough, among what is taught."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from include.evaluation.episodes import STRENGTHS
from include.evaluation.rounds import InjectedSample
from include.models.threshold import Flags
from include.training.fitting import Labels

LEAST_CASES = 50
"""Fewer say little. Measured on the Handbook's bank, quick training, frauds of the past drawn as confirmed, average
precision of what learns from examples with the rarity, and of the rarity alone, which they are only left out of: 0.026
and 0.117 without, 0.030 and 0.118 with 20, 0.029 and 0.119 with 50, 0.032 and 0.124 with 200, 0.086 and 0.139 with all
659. Half of the gain is that they no longer pass for usual."""
LEAST_MEASURED = 20
"""Fewer in a month are left out of its figures: five a strength, about as many as are planted of a kind."""
KIND = "confirmed"
"""They weigh as one more kind of planted anomaly does."""


@dataclass(frozen=True)
class ConfirmedFrauds:
    """What is confirmed among the postings a training learns from.

    Attributes
    ----------
    trans_ids
        Postings confirmed as anomalous, as known before the first night the model may score.
    teaches
        Whether they are examples where there are enough; they are never among what is usual.
    """

    trans_ids: Collection[int] = frozenset()
    teaches: bool = True

    def left_out(self, features: pa.Table) -> pa.Table:
        """The rows that may teach what is usual."""
        return features.filter(pa.array(~self._are(features))) if self.trans_ids else features

    def rounds(self, features: pa.Table) -> tuple[InjectedSample, ...]:
        """The confirmed rows as a round of their own, where there are `LEAST_CASES`; none otherwise."""
        number = self.taught(features)
        if not number:
            return ()
        cases = features.filter(pa.array(self._are(features)))
        return (InjectedSample(cases, np.array([KIND] * number, dtype=np.object_), _every_strength(number)),)

    def taught(self, features: pa.Table) -> int:
        """How many of the rows are examples: all that are confirmed, or none."""
        number = int(self._are(features).sum())
        return number if self.teaches and number >= LEAST_CASES else 0

    def measured(self, round_: InjectedSample) -> InjectedSample:
        """A planted round in which they are to be found too, or, where they are few, as `cleared` leaves it."""
        mine = self._are(round_.features) & ~round_.is_planted
        if mine.sum() < LEAST_MEASURED:
            return self.cleared(round_)
        kinds, strengths = round_.kinds.copy(), round_.strengths.copy()
        kinds[mine], strengths[mine] = KIND, _every_strength(int(mine.sum()))
        return InjectedSample(round_.features, kinds, strengths)

    def cleared(self, round_: InjectedSample) -> InjectedSample:
        """A planted round without them: finding them is no false alarm."""
        if not self.trans_ids:
            return round_
        kept = ~self._are(round_.features) | round_.is_planted
        return InjectedSample(round_.features.filter(pa.array(kept)), round_.kinds[kept], round_.strengths[kept])

    def marked(self, digest: str, features: pa.Table) -> str:
        """The digest of the rows a training learned from, with which of them were confirmed: another model's name."""
        found = np.sort(features["trans_id"].to_numpy()[self._are(features)])
        return hashlib.sha256(digest.encode() + found.tobytes()).hexdigest() if len(found) else digest

    def notes(self, features: pa.Table) -> tuple[str, ...]:
        """For people: how many there were, and what became of them."""
        number = int(self._are(features).sum())
        if not number:
            return ()
        if self.taught(features):
            taught = "and taught"
        else:
            taught = f"and not taught, which takes {LEAST_CASES}" if self.teaches else "and not taught"
        return (f"{number} confirmed cases were left out of what is usual {taught}",)

    def _are(self, features: pa.Table) -> Flags:
        return np.isin(features["trans_id"].to_numpy(), sorted(self.trans_ids))


def _every_strength(number: int) -> Labels:
    """Confirmed frauds have no strength of their own: they count in each."""
    return np.array(STRENGTHS, dtype=np.object_)[np.arange(number) % len(STRENGTHS)]
