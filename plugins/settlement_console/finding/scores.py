"""The reasons of a flagged posting as a sum that leads from the typical score to its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise

from plugins.settlement_console.records import Row

SCALE_WIDTH = 200
"""Width of the scale from 0 to 1, in the units of the drawing."""
_THOUSAND = 1000


@dataclass(frozen=True)
class Step:
    """One reason, as a step from the score before it to the score after it.

    Attributes
    ----------
    code, text
        Reason code and sentence.
    adds
        What the reason adds, in thousandths of the score.
    left, width
        Place and length of its bar on the scale.
    """

    code: str
    text: str
    adds: int
    left: float
    width: float

    @property
    def contribution(self) -> float:
        """What the reason adds to the score, to three digits."""
        return self.adds / _THOUSAND


@dataclass(frozen=True)
class ScoreSum:
    """The sum: the typical score, the steps of the reasons, and the score that they lead to.

    All figures are given to three digits, and those that are shown add up exactly.

    Attributes
    ----------
    typical, score
        Where the sum begins and where it ends, 0 to 1.
    threshold
        Score from which a posting of the night is flagged; None where the night does not say.
    steps
        The reasons, strongest first.
    """

    typical: float
    score: float
    threshold: float | None
    steps: tuple[Step, ...]

    @property
    def threshold_place(self) -> float | None:
        """Place of the threshold on the scale; None where there is none."""
        return None if self.threshold is None else _place(self.threshold)

    @property
    def score_place(self) -> float:
        """Place of the score on the scale."""
        return _place(self.score)

    @property
    def typical_place(self) -> float:
        """Place of the typical score on the scale."""
        return _place(self.typical)


def score_sum(row: Row) -> ScoreSum:
    """The sum of a row of `anomaly_scores`, full or masked."""
    reasons = list(row["reasons"] or ())
    reached = _reached(row["typical_score"] or 0.0, (reason["contribution"] or 0.0 for reason in reasons))
    steps = tuple(_step(reason, *ends) for reason, ends in zip(reasons, pairwise(reached), strict=True))
    return ScoreSum(reached[0] / _THOUSAND, reached[-1] / _THOUSAND, row["threshold"], steps)


def _reached(typical: float, contributions: Iterable[float]) -> list[int]:
    """The score after each reason, in whole thousandths: the differences of rounded sums add up, rounded ones do not.

    >>> _reached(0.2004, [0.1004, 0.1004])
    [200, 301, 401]
    """
    return [round(score * _THOUSAND) for score in accumulate(contributions, initial=typical)]


def _step(reason: Row, before: int, after: int) -> Step:
    left, right = sorted((_place(before / _THOUSAND), _place(after / _THOUSAND)))
    return Step(reason["code"], reason["text"], after - before, left, round(right - left, 1))


def _place(score: float) -> float:
    """The place of a score on the scale; the way to it may lead beyond its ends, where reasons take some away."""
    return round(SCALE_WIDTH * min(max(score, 0.0), 1.0), 1)
