"""What follows from a comparison, as sentences and as figures."""

from __future__ import annotations

from dataclasses import dataclass

from include.selection.comparison import AS_IT_IS, Comparison
from include.selection.paired import Interval
from include.selection.plan import Plan


@dataclass(frozen=True)
class Verdict:
    """Who won, and whether that is more than noise.

    Attributes
    ----------
    winner
        Name of the ensemble.
    is_better
        Whether it is better than the champion beyond noise, or than having no champion where there is none.
    difference
        Difference to what was to be beaten, with an interval that holds for all ensembles together; None where there
        was nothing to beat.
    sentence
        For people.
    """

    winner: str
    is_better: bool
    difference: Interval | None
    sentence: str


def judge(plan: Plan, comparison: Comparison) -> Verdict:
    """The verdict: better only when the whole interval of the difference lies above zero."""
    winner = comparison.winner.name
    if plan.champion is None:
        sentence = f"{winner} found most, with a merit of {comparison.merit(winner)}; there is no champion yet"
        return Verdict(winner, True, None, sentence)
    if not comparison.baseline:
        sentence = (
            f"{winner} found most, with a merit of {comparison.merit(winner)}, but {plan.champion} could not be fitted "
            "again beside it: nothing shows that it is better, and the champion stays"
        )
        return Verdict(winner, False, None, sentence)
    return _against(plan, comparison, winner)


def _against(plan: Plan, comparison: Comparison, winner: str) -> Verdict:
    baseline = comparison.baseline
    others = sum(name != baseline for name in comparison.specs)
    difference = comparison.difference(winner, baseline, max(others, 1))
    is_better = winner != baseline and difference.low > 0
    is_itself = baseline == AS_IT_IS
    whom = f"{plan.champion} as it is" if is_itself else f"{plan.champion}'s recipe {baseline}"
    by = f"by {difference} in merit{' of known kinds' if is_itself else ''}"
    if winner == baseline:
        sentence = f"nothing is better than {whom}: the champion stays"
    elif is_better:
        sentence = f"{winner} is better than {whom} beyond noise, {by}"
    else:
        sentence = f"{winner} is not better than {whom} beyond noise, {by}: the champion stays"
    return Verdict(winner, is_better, difference, sentence)
