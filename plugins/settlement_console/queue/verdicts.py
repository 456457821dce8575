"""The outcomes that a decision may have, each with its reasons, as one list to choose from and in words."""

from __future__ import annotations

from dataclasses import dataclass

from include.settings import CaseOutcome, Settings
from plugins.settlement_console.wording import words

_BETWEEN = ":"
_CLEARED = "cleared"
"""Code of the outcome of what was settled since, in `include.settings`."""
_KEYS = {"confirmed": "c", "dismissed": "d", "unsure": "u"}


@dataclass(frozen=True)
class Verdict:
    """One outcome for one of its reasons.

    Attributes
    ----------
    value
        The verdict as a form sends it: the codes of both.
    text
        The verdict in words.
    key
        Key that chooses among the outcomes of its decision.
    """

    value: str
    text: str
    key: str


@dataclass(frozen=True)
class Verdicts:
    """The verdicts of an installation."""

    outcomes: tuple[CaseOutcome, ...]

    @classmethod
    def of(cls, settings: Settings) -> Verdicts:
        """Those that the settings name."""
        return cls(settings.outcomes)

    @property
    def groups(self) -> dict[str, list[Verdict]]:
        """The verdicts of each outcome, by what it is called and the decision that it stands for."""
        return {f"{outcome.title} ({outcome.decision})": _of(outcome) for outcome in self.outcomes}

    @property
    def cleared(self) -> str:
        """The verdict that is proposed for what was settled since; empty where the settings have no such outcome."""
        found = (verdict for outcome in self.outcomes if outcome.code == _CLEARED for verdict in _of(outcome))
        return next((verdict.value for verdict in found), "")

    def title(self, code: str) -> str:
        """An outcome in words; one that the settings do not name any more by its code."""
        return next((outcome.title for outcome in self.outcomes if outcome.code == code), words(code))

    def reason(self, code: str, reason: str) -> str:
        """The reason of an outcome in words."""
        known = (outcome.reasons.get(reason) for outcome in self.outcomes if outcome.code == code)
        return next(known, None) or words(reason)


def parted(value: str) -> tuple[str, str]:
    """Outcome and reason of a verdict that a form sent; both empty where nothing was chosen.

    >>> parted("fraud:card_misused"), parted("")
    (('fraud', 'card_misused'), ('', ''))
    """
    outcome, _, reason = value.partition(_BETWEEN)
    return outcome, reason


def _of(outcome: CaseOutcome) -> list[Verdict]:
    return [
        Verdict(f"{outcome.code}{_BETWEEN}{code}", f"{outcome.title}: {text}", _KEYS[outcome.decision])
        for code, text in outcome.reasons.items()
    ]
