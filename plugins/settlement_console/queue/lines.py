"""A case as the queue and its own page show it: in words that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins.settlement_console.queue.desk import Desk
from plugins.settlement_console.wording import day, number_of, short, words

if TYPE_CHECKING:
    from include.cases.views import QueueRow

NO_SENTENCE = "Amounts are rounded for you, so that its sentence is not shown"


@dataclass(frozen=True)
class Line:
    """One case.

    Attributes
    ----------
    row
        The case as the book gives it.
    sentence
        What was found.
    age
        How long its oldest finding has waited.
    state
        Where it stands, and with whom.
    """

    row: QueueRow
    sentence: str
    age: str
    state: str

    @classmethod
    def of(cls, row: QueueRow, desk: Desk) -> Line:
        """The case as a visitor sees it."""
        return cls(row, row.headline or NO_SENTENCE, _age(desk.age(row.oldest)), state_of(row, desk.who))

    @property
    def why(self) -> str:
        """Why the case stands where it does."""
        told = [part.text for part in self.row.rank_parts if part.name != "age"]
        return ", ".join([*told, f"waiting {self.age}"])

    @property
    def codes(self) -> str:
        """Checks and reasons of its findings."""
        return ", ".join(words(code) for code in self.row.codes)


def state_of(row: QueueRow, who: str) -> str:
    """Where a case stands, in words, for somebody who may hold it themselves."""
    if row.held_until is not None and row.holder:
        return f"{'yours' if row.holder == who else f'with {short(row.holder)}'} until {row.held_until:%H:%M} UTC"
    if row.waits_until is not None:
        return f"waits until {day(row.waits_until.date())}"
    return words(row.state.value)


def _age(days: int | None) -> str:
    from include.settlement.bank_calendar import MOST_DAYS

    if days is None:
        return "–"
    return f"over {MOST_DAYS} banking days" if days >= MOST_DAYS else number_of(days, "banking day")
