"""The digest of somebody who wants one: once a day what is new, aged and overdue in their queue, as links and money.

It leaves the house through the same store and sinks as the messages of nights. Its key is made of the day and the
login, so that it is made once a day however often the clock looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from include.alerting.drain import AlertDrain
from include.alerting.messages import MOST_TOLD, Message, MessageKind, Severity
from include.cases.book import CaseBook
from include.cases.following import AT_A_LOOK
from include.cases.views import DeskFilter, OnDesk
from include.publish.digest import combined_digest
from include.settlement.bank_calendar import BankCalendar

AGED_DAYS = 5
"""Banking days from which on a case is aged: a week, by which everybody who works on cases has been there once."""
OVERDUE_DAYS = 10
"""Banking days from which on a case is overdue: two weeks. A decision of ours, as no rule sets a time for it."""

_NOTHING = OnDesk(0, Decimal(0), ())


def due_digests(lake_uri: str, drain: AlertDrain, now: datetime) -> list[tuple[Message, str]]:
    """The digests that are due and not made yet, each with the name of the sink that it goes to.

    Parameters
    ----------
    lake_uri
        Address of the lake.
    drain
        The lake, the store of what was told, and the settings with the people who want a digest.
    now
        The present time (UTC).
    """
    wanted = {who: each for who, each in drain.settings.digests.items() if each.hour <= now.hour}
    keys = {who: _key(who, now) for who in wanted}
    known = drain.store.known(keys.values())
    missing = {who: each for who, each in wanted.items() if keys[who] not in known}
    calendar = BankCalendar.newest(drain.lake, drain.settings.source_uri) if missing else None
    book = CaseBook.open(lake_uri, drain.settings)
    # A digest waits until the cases are whole: the first intake of a large lake takes minutes.
    if calendar is None or book.follow(drain.lake, now, most=AT_A_LOOK).nights_left:
        return []
    made = _Digests(book, drain, calendar, now)
    return [(made.of(who), each.sink) for who, each in missing.items()]


def _key(who: str, now: datetime) -> str:
    return combined_digest([MessageKind.DIGEST, now.date().isoformat(), who])[:32]


class _Digests:
    """The backlog of one moment, from which everybody's digest is made."""

    def __init__(self, book: CaseBook, drain: AlertDrain, calendar: BankCalendar, now: datetime) -> None:
        self._book, self._drain, self._calendar, self._now = book, drain, calendar, now
        days = {part.oldest for part in self._book.backlog(now, sees_accounts=False)}
        self._ages = {day: self._age(day) for day in days}

    def of(self, who: str) -> Message:
        """The digest of one person."""
        told = self._drain.store.last_content(MessageKind.DIGEST, (who,))
        told_until = date.fromisoformat(told["until"]) if told else self._calendar.night - timedelta(days=1)
        content = {
            "who": who,
            "until": self._calendar.night.isoformat(),
            **{name: self._told(wanted) for name, wanted in groups_of(who, told_until, self._ages)},
        }
        # It belongs to the night that it begins with, as what became of that night's other messages does.
        night = self._now.date() - timedelta(days=1)
        return Message(night, MessageKind.DIGEST, Severity.INFO, (who,), content, _key(who, self._now))

    def _age(self, since: date) -> int:
        return self._calendar.count(since, self._calendar.today(self._now.date()))

    def _told(self, wanted: DeskFilter | None) -> dict[str, Any]:
        # Whatever leaves the house is masked.
        found = self._book.on_desk(wanted, self._now, sees_accounts=False) if wanted else _NOTHING
        return {"cases": found.cases, "money": f"{found.money:.2f}", "findings": [*found.findings]}


def groups_of(who: str, told_until: date, ages: Mapping[date, int]) -> Iterator[tuple[str, DeskFilter | None]]:
    """What a digest says of the cases that are somebody's to look at; one may be in several groups.

    Parameters
    ----------
    who
        The person; cases that somebody else holds are left out.
    told_until
        Newest night that the digest before told of.
    ages
        Banking days since each day that the oldest finding of an open case is of.
    """
    yield "new", DeskFilter(who, MOST_TOLD, newer_than=told_until, with_waiting=True)
    # What waits for a day was put aside until then.
    yield "aged", _of_days(who, [day for day, age in ages.items() if AGED_DAYS <= age < OVERDUE_DAYS])
    yield "overdue", _of_days(who, [day for day, age in ages.items() if age >= OVERDUE_DAYS])


def _of_days(who: str, days: Sequence[date]) -> DeskFilter | None:
    return DeskFilter(who, MOST_TOLD, oldest_between=(min(days), max(days))) if days else None
