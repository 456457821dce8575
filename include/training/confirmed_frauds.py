"""Confirmed frauds in a training: they never count as usual, and where there are enough they serve as examples."""

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
"""Least number of confirmed frauds to fit detectors on; fewer help little. Measured on the Handbook's bank with a quick
training, with past frauds drawn as confirmed: average precision of contrast (boosted trees fitted on examples) with
rarity (how rare each feature's value is), and of rarity alone, from which confirmed frauds are only left out, was 0.026
and 0.117 without any, 0.030 and 0.118 with 20, 0.029 and 0.119 with 50, 0.032 and 0.124 with 200, 0.086 and 0.139 with
all 659. Half of the gain comes from no longer counting them as usual."""
LEAST_MEASURED = 20
"""Least number of confirmed frauds in a month that its figures include: five per strength, about as many as are planted
of a kind."""
KIND = "confirmed"
"""Kind under which confirmed frauds count; it weighs as much as a planted kind."""


@dataclass(frozen=True)
class ConfirmedFrauds:
    """The confirmed frauds among the postings that a training learns from.

    Attributes
    ----------
    trans_ids
        Identifiers of the postings that were confirmed before the first night that the model may score.
    are_examples
        Whether detectors are fitted on them as examples, where there are enough. They never count as usual.
    """

    trans_ids: Collection[int] = frozenset()
    are_examples: bool = True

    def left_out(self, features: pa.Table) -> pa.Table:
        """The rows without the confirmed frauds: those that may count as usual."""
        return features.filter(pa.array(~self._are(features))) if self.trans_ids else features

    def rounds(self, features: pa.Table) -> tuple[InjectedSample, ...]:
        """The confirmed rows as a round of their own where there are `LEAST_CASES` of them; no round otherwise."""
        number = self.example_count(features)
        if not number:
            return ()
        cases = features.filter(pa.array(self._are(features)))
        return (InjectedSample(cases, np.array([KIND] * number, dtype=np.object_), _every_strength(number)),)

    def example_count(self, features: pa.Table) -> int:
        """The number of rows that serve as examples: all confirmed ones, or 0."""
        number = int(self._are(features).sum())
        return number if self.are_examples and number >= LEAST_CASES else 0

    def measured(self, round_: InjectedSample) -> InjectedSample:
        """A planted round with confirmed frauds among its positives; where they are few, the result of `cleared`."""
        mine = self._are(round_.features) & ~round_.is_planted
        if mine.sum() < LEAST_MEASURED:
            return self.cleared(round_)
        kinds, strengths = round_.kinds.copy(), round_.strengths.copy()
        kinds[mine], strengths[mine] = KIND, _every_strength(int(mine.sum()))
        return InjectedSample(round_.features, kinds, strengths)

    def cleared(self, round_: InjectedSample) -> InjectedSample:
        """A planted round without the confirmed frauds, so that finding them is no false alarm."""
        if not self.trans_ids:
            return round_
        kept = ~self._are(round_.features) | round_.is_planted
        return InjectedSample(round_.features.filter(pa.array(kept)), round_.kinds[kept], round_.strengths[kept])

    def marked(self, digest: str, features: pa.Table) -> str:
        """A digest of the training rows and of which are confirmed, as other confirmations make another model."""
        found = np.sort(features["trans_id"].to_numpy()[self._are(features)])
        return hashlib.sha256(digest.encode() + found.tobytes()).hexdigest() if len(found) else digest

    def notes(self, features: pa.Table) -> tuple[str, ...]:
        """Sentences for people: how many confirmed frauds there were, and how they were used."""
        number = int(self._are(features).sum())
        if not number:
            return ()
        if self.example_count(features):
            use = "and taught"
        else:
            use = f"and not taught, which takes {LEAST_CASES}" if self.are_examples else "and not taught"
        return (f"{number} confirmed cases were left out of what is usual {use}",)

    def _are(self, features: pa.Table) -> Flags:
        return np.isin(features["trans_id"].to_numpy(), sorted(self.trans_ids))


def _every_strength(number: int) -> Labels:
    """Strengths for confirmed frauds, which have none of their own: they are spread evenly over all strengths."""
    return np.array(STRENGTHS, dtype=np.object_)[np.arange(number) % len(STRENGTHS)]
