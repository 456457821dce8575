"""Signals that a night may report: a figure, the line that it must cross, and whether it has crossed it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

Code: TypeAlias = Literal[
    "feature_drift", "score_drift", "alert_volume", "reason_shift", "precision", "quality", "volume"
]
DRIFT: tuple[Code, ...] = ("feature_drift", "score_drift")
"""Codes of notices about drift of postings; all other codes are about findings and records."""

PERSISTENCE = 3
"""Nights in a row before anything is reported: a night that was played on a torn file is restated the next day, and a
person sees what is wrong with the second one before the third."""


@dataclass(frozen=True)
class Signal:
    """One figure of one night.

    Attributes
    ----------
    code
        Code of the notice that it may become.
    feature
        Feature or reason code that it is about; empty where there is only one of its kind.
    topic
        Topic as a person would name it; notices of one topic are not repeated one after the other.
    effect, limit
        Distance from the reference, and distance that ordinary months have; both in the same unit.
    p_value
        Probability of the effect without a real difference, corrected for the number of figures; 0 where the figure is
        no estimate.
    is_over
        Whether the figure crossed every line tonight.
    since
        Approximate night on which the change began.
    text
        Sentence for people, without what a repetition adds.
    asks_for_selection
        Whether another model may be the answer.
    aspect
        Name that distinguishes two figures of one feature.
    """

    code: Code
    feature: str
    topic: str
    effect: float
    limit: float
    p_value: float
    is_over: bool
    since: date
    text: str = field(repr=False)
    asks_for_selection: bool
    aspect: str = ""

    @property
    def name(self) -> str:
        """The signal's name among the night's figures."""
        return " ".join(part for part in (self.code, self.feature, self.aspect) if part)

    @property
    def excess(self) -> float:
        """The effect as a multiple of the line."""
        return self.effect / self.limit
