"""Confirmed cases in a training: never among what is usual, and, where there are enough, among what is taught."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from include.evaluation.episodes import STRENGTHS
from include.evaluation.rounds import Round
from include.models.threshold import Flags

LEAST_CASES = 50
"""Fewer say little. Measured on the Handbook's bank, quick training, frauds of the past drawn as confirmed, average
precision of what learns from examples with the rarity, and of the rarity alone, which they are only left out of: 0.026
and 0.117 without, 0.030 and 0.118 with 20, 0.029 and 0.119 with 50, 0.032 and 0.124 with 200, 0.086 and 0.139 with all
659. Half of the gain is that they no longer pass for usual."""
KIND = "confirmed"
"""They weigh as one more kind of planted anomaly does."""


@dataclass(frozen=True)
class Cases:
    """What is confirmed among the postings a training learns from.

    Attributes
    ----------
    trans_ids
        Postings confirmed as anomalous, as known before the first night the model may score.
    """

    trans_ids: Collection[int] = frozenset()

    def left_out(self, features: pa.Table) -> pa.Table:
        """The rows that may teach what is usual."""
        return features.filter(pa.array(~self._are(features))) if self.trans_ids else features

    def rounds(self, features: pa.Table) -> tuple[Round, ...]:
        """The confirmed rows as a round of their own, where there are `LEAST_CASES`; none otherwise."""
        cases = features.filter(pa.array(self._are(features)))
        if cases.num_rows < LEAST_CASES:
            return ()
        strengths = np.array(STRENGTHS, dtype=np.object_)[np.arange(cases.num_rows) % len(STRENGTHS)]
        return (Round(cases, np.array([KIND] * cases.num_rows, dtype=np.object_), strengths),)

    def cleared(self, round_: Round) -> Round:
        """A planted round without them: finding them is no false alarm."""
        if not self.trans_ids:
            return round_
        kept = ~self._are(round_.features) | round_.is_planted
        return Round(round_.features.filter(pa.array(kept)), round_.kinds[kept], round_.strengths[kept])

    def marked(self, digest: str, features: pa.Table) -> str:
        """The digest of the rows a training learned from, with which of them were confirmed: another model's name."""
        found = np.sort(features["trans_id"].to_numpy()[self._are(features)])
        return hashlib.sha256(digest.encode() + found.tobytes()).hexdigest() if len(found) else digest

    def notes(self, features: pa.Table) -> tuple[str, ...]:
        """For people: how many there were, and what became of them."""
        number = int(self._are(features).sum())
        if not number:
            return ()
        taught = "and taught" if number >= LEAST_CASES else f"and not taught, which takes {LEAST_CASES}"
        return (f"{number} confirmed cases were left out of what is usual {taught}",)

    def _are(self, features: pa.Table) -> Flags:
        return np.isin(features["trans_id"].to_numpy(), sorted(self.trans_ids))
