"""The case book as one visitor works with it, brought up to the newest night."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, HTTPException

from include.settings import Settings
from plugins.settlement_console.audit import audited
from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.lake_reader import opened_lake
from plugins.settlement_console.pages import told_troubles
from plugins.settlement_console.queue.filters import AskedQueue
from plugins.settlement_console.visitors import CurrentVisitor, Visitor

if TYPE_CHECKING:
    from include.cases.book import CaseBook
    from include.cases.searches import NamedSearch
    from include.cases.views import Case, QueueRow
    from include.lake import Lake
    from include.settlement.bank_calendar import BankCalendar


@dataclass(frozen=True)
class Desk:
    """Where a visitor works on cases.

    Attributes
    ----------
    settings, visitor
        The installation's settings, and who works here.
    lake
        The lake.
    book
        Its cases, with the newest nights.
    nights_left
        Number of published nights that are still to be taken in.
    calendar
        The bank's days, in which age is counted; None before a night is published.
    now
        The time of the request (UTC).
    """

    settings: Settings
    visitor: Visitor
    lake: Lake
    book: CaseBook
    nights_left: int
    calendar: BankCalendar | None
    now: datetime

    @property
    def who(self) -> str:
        """The visitor's login."""
        return self.visitor.name

    @property
    def sees_accounts(self) -> bool:
        """Whether the visitor may see whom."""
        return self.visitor.sees_accounts

    def asked(self, query: str) -> AskedQueue:
        """What the query of an address asks the visitor's queue for."""
        return AskedQueue.of_query(query, self.who, holder=self._holder, search=self._search)

    def _holder(self, name: str) -> str:
        """The login of a colleague's pseudonym; the pseudonym itself, which no login is, where they hold nothing."""
        return next((each.who for each in self.book.holders(self.now) if each.name == name), name)

    def _search(self, token: str) -> NamedSearch | None:
        return self.book.search(token, self.who, self.now)

    def listed(self, rows: Sequence[QueueRow], **detail: str) -> None:
        """Write into the audit log which accounts a list of cases shows to somebody who sees them."""
        if self.sees_accounts:
            accounts = {int(row.account) for row in rows if row.account}
            self.book.audit.record_list(self.who, "queue", self.now, rows=len(rows), accounts=accounts, detail=detail)

    def case(self, case_id: str) -> Case:
        """A case as the visitor may see it; 404 where there is none.

        A look of those who see accounts is written into the audit log.
        """
        with no_such_case():
            found = self.book.case(case_id, self.now, sees_accounts=self.sees_accounts)
        if self.sees_accounts:
            account = int(found.row.account) if found.row.account else None
            self.audit("viewed", case_id, account=account)
        return found

    def audit(self, action: str, subject: str, *, account: int | None = None, **detail: str | int) -> None:
        """Write into the audit log what the visitor did."""
        audited(self.settings, self.visitor, action, subject, account=account, **detail)

    def age(self, since: date) -> int | None:
        """Banking days from a settlement date until today; None where no night tells which days those are."""
        if self.calendar is None:
            return None
        return self.calendar.count(since, self.calendar.today(self.now.date()))


def desk_of(settings: InstalledSettings, visitor: CurrentVisitor) -> Desk | None:
    """The visitor's desk; None where there is no lake yet, as a reader makes none."""
    now = datetime.now(UTC)
    with told_troubles():
        lake = opened_lake(settings)
        if lake is None:
            return None
        # The server loads this module at its start; the store's libraries are imported only when somebody looks.
        from include.cases.book import CaseBook
        from include.cases.following import AT_A_LOOK
        from include.settlement.bank_calendar import BankCalendar

        book = CaseBook.open(settings.lake_uri, settings)
        left = book.follow(lake, now, most=AT_A_LOOK).nights_left
        return Desk(settings, visitor, lake, book, left, BankCalendar.newest(lake, settings.source_uri), now)


def needed_desk(desk: Annotated[Desk | None, Depends(desk_of)]) -> Desk:
    """The visitor's desk; 404 where there is no lake yet."""
    if desk is None:
        raise HTTPException(404, "no night is published yet, so that there are no cases: start nightly_settlement")
    return desk


PerhapsDesk = Annotated[Desk | None, Depends(desk_of)]
"""Parameter of a route: the visitor's desk; None where there is no lake yet."""
CurrentDesk = Annotated[Desk, Depends(needed_desk)]
"""Parameter of a route: the visitor's desk; without a lake the answer is 404."""


@contextmanager
def no_such_case() -> Iterator[None]:
    """Answer 404 with the book's sentence where it has no such case."""
    from include.cases.refusals import NoSuchCaseError

    try:
        yield
    except NoSuchCaseError as error:
        raise HTTPException(404, str(error)) from error
