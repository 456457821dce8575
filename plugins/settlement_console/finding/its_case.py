"""A finding's case: its history, where its correction stands, and what was decided on findings like it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from plugins.settlement_console.finding.decided import Tally

if TYPE_CHECKING:
    from include.cases import Case, CaseBook
    from include.cases.views import CaseFinding, CorrectionRow, DecisionRow, Precedents

MOST_EVENTS = 30
"""Largest number of events that are listed, the newest first; the case's own page has them all."""


@dataclass(frozen=True)
class ItsCase:
    """The case of a finding.

    Attributes
    ----------
    case
        The case.
    finding
        The finding as the case has it; None where it is not among those that the case shows.
    correction
        Its latest proposed correction; None where nobody endorsed one.
    precedents
        What was decided before on findings like it.
    """

    case: Case
    finding: CaseFinding | None
    correction: CorrectionRow | None
    precedents: Precedents

    @property
    def decisions(self) -> tuple[DecisionRow, ...]:
        """Decisions on the account's findings of the same code that stand."""
        return tuple(row for row in self.precedents.of_account if row.undone_at is None)

    def tally(self, findings: int) -> Tally:
        """All findings of the code, by what was decided up to now.

        Parameters
        ----------
        findings
            Number of findings of the code.
        """
        told = self.precedents
        decided = told.confirmed + told.dismissed + told.unsure
        return Tally(told.confirmed, told.dismissed, told.unsure, max(findings - decided, 0))


def its_case(book: CaseBook, finding_id: str, now: datetime, *, sees_accounts: bool) -> ItsCase | None:
    """The case of a finding; None where it is in none."""
    from include.cases import NoSuchCaseError

    try:
        case = book.case(book.case_of(finding_id), now, sees_accounts=sees_accounts)
        precedents = book.precedents(finding_id, sees_accounts=sees_accounts)
    except NoSuchCaseError:
        return None
    corrections = book.corrections(sees_accounts=sees_accounts, finding_id=finding_id)
    return ItsCase(
        case=case,
        finding=next((each for each in case.findings if each.finding_id == finding_id), None),
        correction=max(corrections, key=lambda row: row.proposed_at, default=None),
        precedents=precedents,
    )
