"""The canary set: rows stored with an approved model, on which every update of it is tried before it is used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from include.learning.sample import Sample, nights_of
from include.models.model import Model
from include.models.threshold import flag
from include.training.fitting import sample_rows
from include.training.train import HeldBack

CANARY = "canary"
"""Name of the part of a model version that holds these rows."""
ORDINARY_ROWS = 5_000
"""Number of ordinary rows. With a budget of 2 % a hundred of them are flagged, so that the flagged share is known to
within a tenth of itself."""

MOST_RECALL_LOST = 0.03
"""Largest loss of recall over all planted rows. A decision: an update may cost one theft in thirty-three."""
MOST_KIND_LOST = 0.10
"""Largest loss of recall over the planted rows of one kind, where there are `LEAST_OF_A_KIND`: the mean must not hide
an attack on one kind."""
LEAST_OF_A_KIND = 20
MOST_ALARMS_MORE = 0.5
"""Largest excess of false alarms over the alert budget, as a share of it: a month then flags 3 % instead of 2 %. It is
measured from the budget because the approved model was fitted on the canary's ordinary rows too and flags fewer of them
than of new ones: 1.2 % on the real bank, which any refresh exceeds."""


@dataclass(frozen=True)
class CanaryFigures:
    """Figures of a model on the canary set, at its threshold.

    Attributes
    ----------
    recall
        Recall over all planted rows.
    recall_by_kind
        Recall by kind, for the kinds that have `LEAST_OF_A_KIND` rows.
    false_alarms
        Share of the ordinary rows that are flagged.
    """

    recall: float
    recall_by_kind: dict[str, float]
    false_alarms: float


class Canary(Sample):
    """Rows stored with an approved model, on which every refresh of it is tried."""

    def figures(self, model: Model) -> CanaryFigures:
        """The recall and the false alarms of a model on these rows."""
        found = flag(model.score(self.planted), model.threshold)
        kinds = np.array(self.kinds, dtype=object)
        counts = {kind: int((kinds == kind).sum()) for kind in sorted(set(self.kinds))}
        return CanaryFigures(
            recall=float(found.mean()),
            recall_by_kind={k: float(found[kinds == k].mean()) for k, n in counts.items() if n >= LEAST_OF_A_KIND},
            false_alarms=float(flag(model.score(self.ordinary), model.threshold).mean()),
        )


def draw_canary(model: Model, held_back: HeldBack) -> Canary:
    """Ordinary rows of the nights held back in training, and planted rows that no fit used.

    The final fit of the model used the ordinary rows, so that their false alarms are those of the past. Rows keep the
    features that they had: later changes of habits do not show in them.
    """
    round_ = held_back.unused
    ordinary = sample_rows(np.arange(held_back.features.num_rows)[:, np.newaxis], ORDINARY_ROWS, model.training.seed)
    rows = held_back.features.take(pa.array(ordinary[:, 0]))
    return Canary(
        ordinary=model.values(rows),
        planted=model.values(round_.positives),
        nights=nights_of(rows),
        kinds=tuple(map(str, round_.kinds[round_.is_planted])),
        strengths=tuple(map(str, round_.strengths[round_.is_planted])),
    )


def objections(approved: CanaryFigures, updated: CanaryFigures, budget: float) -> list[str]:
    """Sentences on the figures in which an update fails; none when the update may be used.

    Parameters
    ----------
    approved, updated
        Figures of the approved model and of its update.
    budget
        Alert budget, a share of postings.
    """
    return [
        *_recall_objections(approved, updated),
        *(
            f"false alarms are {updated.false_alarms:.2%}, {approved.false_alarms:.2%} as approved; the budget is "
            f"{budget:.2%} and at most {MOST_ALARMS_MORE * budget:.2%} more are allowed"
            for _ in range(updated.false_alarms > max(approved.false_alarms, budget) + MOST_ALARMS_MORE * budget)
        ),
    ]


def _recall_objections(approved: CanaryFigures, updated: CanaryFigures) -> list[str]:
    pairs = [("recall", approved.recall, updated.recall, MOST_RECALL_LOST)]
    pairs += [
        (f"recall of {kind}", recall, updated.recall_by_kind[kind], MOST_KIND_LOST)
        for kind, recall in approved.recall_by_kind.items()
    ]
    return [
        f"{what} is {now:.1%}, {was:.1%} as approved and at most {most:.0%} less is allowed"
        for what, was, now, most in pairs
        if now < was - most
    ]
