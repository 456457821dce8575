"""What the Work page shows: the backlog now, and what became of the findings of the last year."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from include.settings import Settings
from plugins.settlement_console.records import Records

if TYPE_CHECKING:
    from include.cases.views import CorrectionRow
    from include.casework.backlog import AgeGroup, Holder
    from include.casework.outcomes import Casework, Outcomes
    from include.casework.second_looks import SecondLooks
    from include.lake import Lake
    from include.settlement.bank_calendar import BankCalendar
    from plugins.settlement_console.queue.desk import Desk

DAYS_SUMMED = 365
"""Days whose findings are summed up: a year, in which every habit of the bank comes round once."""
CODES_SHOWN = 20
"""Largest number of checks and reasons in the table; there are about twenty of each."""


@dataclass(frozen=True)
class Recovered:
    """Corrections of breaks in a state, and the money that they move."""

    corrections: int
    money: Decimal


@dataclass(frozen=True)
class WorkPage:
    """The work on findings.

    Attributes
    ----------
    today
        Day until which age is counted.
    groups
        The backlog by age.
    cases, money, waiting
        Number of cases in it, money at stake in them, and number of cases that wait for a day.
    holders
        Who holds cases; None for whoever may not see whom.
    casework
        What became of the findings of the last year.
    approved, proposed
        Corrections that were approved in the last year and still hold, and those that wait for approval.
    looks
        The random sample, with what follows from it; None in a lake whose findings have no names yet.
    """

    today: date
    groups: Sequence[AgeGroup]
    cases: int
    money: Decimal
    waiting: int
    holders: Sequence[Holder] | None
    casework: Casework
    approved: Recovered
    proposed: Recovered
    looks: SecondLooks | None

    @property
    def by_code(self) -> list[tuple[tuple[str, str], Outcomes]]:
        """The checks and reasons that the page lists, the most frequent first."""
        return [*self.casework.by_code.items()][:CODES_SHOWN]

    @property
    def confirmed_money(self) -> Decimal:
        """Money in the findings of the year that were confirmed."""
        return sum((each.confirmed_money for each in self.casework.by_month.values()), start=Decimal(0))


def work_page(desk: Desk, calendar: BankCalendar) -> WorkPage:
    """The work on the findings of a lake; whoever may not see whom gets sums of the masked tables, and no names.

    Parameters
    ----------
    desk
        The lake and its cases, as a visitor may see them.
    calendar
        The bank's days up to its newest night.
    """
    from include.cases.terms import CorrectionState
    from include.casework.backlog import by_age, cases_in, held_by, money_in, waiting_in

    sees = desk.sees_accounts
    today = calendar.today(desk.now.date())
    backlog = desk.book.backlog(desk.now, sees_accounts=sees)
    since = desk.now - timedelta(days=DAYS_SUMMED)
    # What a night says otherwise of since is not booked before somebody looks at it again.
    approved = [row for row in desk.book.corrections(CorrectionState.APPROVED, sees_accounts=sees) if not row.outdated]
    return WorkPage(
        today=today,
        groups=by_age(backlog, lambda since: calendar.count(since, today)),
        cases=cases_in(backlog),
        money=money_in(backlog),
        waiting=waiting_in(backlog),
        holders=held_by(backlog) if sees else None,
        casework=_casework(Records(desk.lake, not sees), calendar.night, calendar.count),
        approved=_recovered([row for row in approved if row.closed_at and row.closed_at >= since]),
        proposed=_recovered(desk.book.corrections(CorrectionState.PROPOSED, sees_accounts=sees)),
        looks=looks_of(desk.settings, desk.lake),
    )


def _casework(records: Records, night: date, count: Callable[[date, date], int]) -> Casework:
    from include.casework.outcomes import FINDING_COLUMNS, casework_of

    first = night - timedelta(days=DAYS_SUMMED - 1)
    return casework_of(records.table("mart_findings", first, night, FINDING_COLUMNS), count)


def _recovered(corrections: Sequence[CorrectionRow]) -> Recovered:
    return Recovered(len(corrections), sum((abs(row.amount) for row in corrections), start=Decimal(0)))


def looks_of(settings: Settings, lake: Lake) -> SecondLooks | None:
    """The postings that are drawn for a second look, with their answers; None before a night named its findings."""
    from include.casework.second_looks import second_looks
    from include.masking.keys import NameKeyStore
    from include.reviews.drop import inbox_of

    keys = NameKeyStore.open(settings.lake_uri, settings).find()
    inbox = inbox_of(settings.lake_uri, settings.reviews_uri)
    return None if keys is None else second_looks(lake, inbox, settings.seed, keys.finding_namer)
