"""What a decision came to, as the page after it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from plugins.settlement_console.queue.desk import Desk
from plugins.settlement_console.queue.verdicts import Verdicts
from plugins.settlement_console.wording import day, number_of

if TYPE_CHECKING:
    from include.cases.views import DecisionRow

LONGEST_SAID = timedelta(days=1)
"""Time after which a link to a page says no more what was just decided: the case's history has it."""


@dataclass(frozen=True)
class Notice:
    """A decision that was just taken, alone or in bulk.

    Attributes
    ----------
    decision_id
        Id by which it is undone.
    case_ids
        Cases that it is about.
    text
        What was decided, and from when on it acts.
    """

    decision_id: str
    case_ids: tuple[str, ...]
    text: str


def notice_of(desk: Desk, decision_id: str) -> Notice | None:
    """The notice of one's own decision; None where there is none that stands."""
    if not decision_id:
        return None
    lately = desk.book.decisions(
        desk.now - LONGEST_SAID, desk.now + timedelta(seconds=1), sees_accounts=desk.sees_accounts
    )
    mine = [
        each
        for each in lately
        if decision_id in (each.decision_id, each.batch_id) and each.who == desk.who and each.undone_by is None
    ]
    if not mine:
        return None
    return Notice(decision_id, tuple(each.case_id for each in mine), _said(desk, mine))


def _said(desk: Desk, mine: list[DecisionRow]) -> str:
    findings = number_of(sum(len(each.finding_ids) for each in mine), "finding")
    outcome = Verdicts.of(desk.settings).title(mine[0].outcome)
    first = min((each.acts_from for each in mine if each.acts_from), default=None)
    told = acts(first, all(each.is_sent for each in mine))
    return f"{findings} of {number_of(len(mine), 'case')} decided as “{outcome}”. {told}"


def acts(acts_from: date | None, is_sent: bool) -> str:
    """From when on a decision acts, in words."""
    if acts_from is None:
        return "No night acts on it, as it is about the bank as a whole."
    waits = "" if is_sent else " It waits to be handed to the nights, which the next look at the queue tries again."
    return f"It acts from the night of {day(acts_from)} on.{waits}"
