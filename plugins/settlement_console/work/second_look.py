"""One posting that is judged a second time: what is shown of it, and the answer's way into the drop of reviews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from include.settings import Settings
from plugins.settlement_console.day_order import in_order
from plugins.settlement_console.posting_words import posting_name, signed_amount
from plugins.settlement_console.records import Records, Row

if TYPE_CHECKING:
    from include.casework.second_looks import Item, SecondLooks

DAYS_AROUND = 30
"""Days of the account's postings that are shown before and after the one to be judged: a month each."""
MOST_POSTINGS = 200
"""Largest number of postings in that table."""


class NoSuchItemError(LookupError):
    """Raised when no posting that is drawn has an id."""


class AnsweredError(ValueError):
    """Raised when a posting cannot be judged by somebody, with the reason."""


@dataclass(frozen=True)
class Posting:
    """A posting in words; `is_judged` marks the one that the question is about."""

    row: Row
    name: str
    amount: str
    is_judged: bool


def item_of(looks: SecondLooks | None, item_id: str) -> Item:
    """The posting of an id.

    Raises
    ------
    NoSuchItemError
        When none that is drawn has it.
    """
    found = next((item for item in looks.items if item.item_id == item_id), None) if looks else None
    if found is None:
        raise NoSuchItemError(
            "no posting of the sample has this id: the sample moves on with each month that is over; the page Work "
            "lists the postings that are asked for now"
        )
    return found


def open_for(looks: SecondLooks, who: str) -> list[Item]:
    """The postings that somebody may still judge, in an order that tells nothing of what they were drawn from."""
    return sorted((item for item in looks.asked if not _is_own(item, who)), key=lambda item: item.item_id)


def _is_own(item: Item, who: str) -> bool:
    return item.first is not None and item.first.who == who


def check_open(item: Item, who: str) -> None:
    """Check that somebody may judge a posting.

    Raises
    ------
    AnsweredError
        When somebody judged it already, or the first decision on it was the person's own.
    """
    if item.answer is not None:
        raise _judged_already(item.answer.who)
    if _is_own(item, who):
        raise AnsweredError("you decided on this posting before: a second look is a colleague's. Take the next one")


def postings_around(records: Records, item: Item) -> list[Posting]:
    """The account's postings around the one to be judged, the oldest first."""
    around = timedelta(days=DAYS_AROUND)
    first, last = item.settlement_date - around, item.settlement_date + around
    rows = in_order(records.rows("fin_transaction", first, last, account_id=item.account_id))
    place = next((n for n, row in enumerate(rows) if row["trans_id"] == item.trans_id), 0)
    start = max(0, place - MOST_POSTINGS // 2)
    return [_posting(row, item) for row in rows[start : start + MOST_POSTINGS]]


def _posting(row: Row, item: Item) -> Posting:
    return Posting(row, posting_name(row), f"{signed_amount(row):+,.2f}", row["trans_id"] == item.trans_id)


def answer(settings: Settings, item: Item, decision: str, note: str, who: str, now: datetime) -> None:
    """Put an answer into the drop of reviews; it is audited before, and of two who answer at once one is the first.

    Raises
    ------
    AnsweredError
        When the decision is none, the note too long, or somebody else was first.
    PublishError
        When the drop cannot be written to; anybody may answer again.
    """
    from include.cases.audit import FAILED, AuditLog
    from include.cases.claims import CLAIM
    from include.casework.second_looks import answer_to
    from include.errors import PublishError
    from include.reviews.drop import drop_reviews, inbox_of

    _check_answer(decision, note)
    log = AuditLog.open(settings.lake_uri, settings)
    # Whoever looked into the drop before the first answer lay there comes here within this time.
    first = log.record_first(who, "decided", item.item_id, now, account=item.account_id, since=now - CLAIM)
    if first is not None:
        raise _judged_already(first.who)
    try:
        inbox = inbox_of(settings.lake_uri, settings.reviews_uri)
        drop_reviews(inbox, [answer_to(item, decision, note.strip(), who, now)])
    except PublishError:
        log.record(who, FAILED, item.item_id, now, account=item.account_id)
        raise


def _check_answer(decision: str, note: str) -> None:
    from include.casework.second_looks import LONGEST_NOTE
    from include.reviews.drop import DECISIONS

    if decision not in DECISIONS:
        raise AnsweredError(f"choose one of {', '.join(DECISIONS)}; nothing was changed")
    if len(note) > LONGEST_NOTE:
        raise AnsweredError(f"the note has {len(note):,} characters, {LONGEST_NOTE:,} are allowed; nothing was changed")


def _judged_already(by: str) -> AnsweredError:
    return AnsweredError(f"this posting was judged by {by} already; nothing was changed. Take the next one")


def next_of(items: Sequence[Item], after: str) -> Item | None:
    """The posting that follows one in the list; the first one after the last."""
    return next((item for item in items if item.item_id > after), items[0] if items else None)
