"""The canary set: rows fixed with an approved model, on which every update of it is tried before it is used."""

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
"""Part of a model version that holds the rows."""
ORDINARY_ROWS = 5_000
"""With a budget of 2 % a hundred of them are flagged: their share is then known to a tenth of itself."""

MOST_RECALL_LOST = 0.03
"""Of all planted rows. A decision: one theft in thirty-three is what keeping up may cost."""
MOST_KIND_LOST = 0.10
"""Of the planted rows of one kind, where there are `LEAST_OF_A_KIND`: an attack on one does not hide in the mean."""
LEAST_OF_A_KIND = 20
MOST_ALARMS_MORE = 0.5
"""False alarms may exceed the alert budget by as much of it: a month then flags 3 % instead of 2 %. Measured from the
budget, since the approved model was fitted on the canary's ordinary rows too and flags fewer of them than of new ones:
on the real bank 1.2 %, and any refresh shows the rest."""


@dataclass(frozen=True)
class CanaryFigures:
    """How a model does on the canary set, at its threshold.

    Attributes
    ----------
    recall
        Of all planted rows.
    recall_by_kind
        Of those kinds that have `LEAST_OF_A_KIND`.
    false_alarms
        Share of the ordinary rows that are flagged.
    """

    recall: float
    recall_by_kind: dict[str, float]
    false_alarms: float


class Canary(Sample):
    """Rows fixed with an approved model, on which every refresh of it is tried."""

    def figures(self, model: Model) -> CanaryFigures:
        """What a model finds, and what it flags in vain."""
        found = flag(model.score(self.planted), model.threshold)
        kinds = np.array(self.kinds, dtype=object)
        counts = {kind: int((kinds == kind).sum()) for kind in sorted(set(self.kinds))}
        return CanaryFigures(
            recall=float(found.mean()),
            recall_by_kind={k: float(found[kinds == k].mean()) for k, n in counts.items() if n >= LEAST_OF_A_KIND},
            false_alarms=float(flag(model.score(self.ordinary), model.threshold).mean()),
        )


def draw_canary(model: Model, held_back: HeldBack) -> Canary:
    """Ordinary rows of the nights held back in training, and rows planted into them that taught nothing.

    The ordinary ones were seen when the model was fitted a last time; their false alarms are those of the past. What
    habits become is not in them: rows are kept as their features were.
    """
    round_ = held_back.untaught
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
    """Which figures of an update fail, in sentences; none when it may be used.

    Parameters
    ----------
    approved, updated
        Of the approved model and of its update.
    budget
        The alert budget, a share of postings.
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
