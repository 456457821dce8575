"""What a night may have to tell of: a figure, the line it must cross, and whether it has crossed it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

Code: TypeAlias = Literal[
    "feature_drift", "score_drift", "alert_volume", "reason_shift", "precision", "quality", "volume"
]
DRIFT: tuple[Code, ...] = ("feature_drift", "score_drift")
"""Codes of notices about what postings look like; the others are about what became of findings and records."""

PERSISTENCE = 3
"""Nights in a row before anything is told: a night that is played on a torn file is restated the next day, and what
is wrong with the second one is seen by a person before the third."""


@dataclass(frozen=True)
class Signal:
    """One figure of one night.

    Attributes
    ----------
    code
        Of the notice it may become.
    feature
        What it is about: a feature, a reason code, empty where there is only one of its kind.
    topic
        What a person would call the same thing: notices of one topic are not repeated one after the other.
    effect, limit
        How far it is from what it is compared with, and how far ordinary months are; in the same unit.
    p_value
        Of there being no difference, corrected for how many were looked at; 0 where the figure is no estimate.
    is_over
        Whether it crossed every line tonight.
    since
        When it began, as far as can be told.
    text
        The sentence, without what a repetition adds.
    asks_for_selection
        Whether another model may be the answer.
    aspect
        Tells two figures of one feature apart.
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
        """Its name among the night's figures."""
        return " ".join(part for part in (self.code, self.feature, self.aspect) if part)

    @property
    def excess(self) -> float:
        """How many times the line its effect is."""
        return self.effect / self.limit
