"""The outcomes that a decision may have, and its way into the drop of reviews."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from upath import UPath

from include.cases.refusals import CaseRefusedError
from include.cases.tables import DROPS, Row
from include.errors import PublishError
from include.lake.sql_store import SqlStore
from include.reviews.drop import LONGEST_TEXTS, drop_reviews, inbox_of
from include.settings import CaseOutcome, Settings

_LOG = logging.getLogger(__name__)


def outcome_of(settings: Settings, code: str, reason: str) -> CaseOutcome:
    """The outcome of a code, which allows the reason.

    Raises
    ------
    CaseRefusedError
        When there is no such outcome, or it does not allow the reason.
    """
    known = {outcome.code: outcome for outcome in settings.outcomes}
    if code not in known:
        raise CaseRefusedError(f"{code[:63]!r} is no outcome: choose one of {', '.join(known)}")
    if reason not in known[code].reasons:
        allowed = ", ".join(known[code].reasons)
        raise CaseRefusedError(f"{reason[:63]!r} is no reason for {code}: choose one of {allowed}")
    return known[code]


def words_of(settings: Settings, outcome: str, reason: str, note: str) -> str:
    """A decision in words, with the titles of its outcome and reason while the installation has them."""
    known = next((each for each in settings.outcomes if each.code == outcome), None)
    title, told = (known.title, known.reasons.get(reason, reason)) if known else (outcome, reason)
    return f"{title}: {told}.{f' {note}' if note else ''}"


def acts_from(now: datetime, newest: date) -> date:
    """The first settlement date whose night acts on what is decided now: the day of the decision in UTC, or later.

    A night takes in what was known by its date's end, and one that is published takes in nothing more.

    >>> acts_from(datetime(2024, 3, 1, 10, tzinfo=UTC), date(1994, 1, 31))
    datetime.date(2024, 3, 1)
    """
    return max(now.astimezone(UTC).date(), newest + timedelta(1))


def reviews_of(findings: Iterable[Row], decision: str, reason: str, who: str, at: datetime) -> list[dict[str, Any]]:
    """The reviews that a decision on findings is, one for each thing that reviews can name."""
    named = {about: row for row in findings if (about := named_by(row)) is not None}
    said = {"decision": decision, "reason": reason[: LONGEST_TEXTS["reason"]], "who": who[: LONGEST_TEXTS["who"]]}
    none = dict.fromkeys(("trans_id", "account_id", "check_code"))
    return [{**none, **dict(about), **said, "decided_at": at, "known_at": at} for about in named]


def named_by(row: Row) -> tuple[tuple[str, Any], ...] | None:
    """How reviews name a finding, as in `include.reviews.named_findings`; None for one on the bank as a whole.

    Findings of one name share their reviews.
    """
    names = ("account_id", "check_code") if row["kind"] == "break" else ("trans_id",)
    values = [row["code" if name == "check_code" else name] for name in names]
    return None if values[0] is None else tuple(zip(names, values, strict=True))


def put_aside(
    connection: sa.Connection, drop_id: str, decision_id: str, reviews: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Write reviews down in the transaction of their decision; `deliver` brings them into the drop."""
    if reviews:
        content = json.dumps([{**row, "decided_at": now.isoformat(), "known_at": now.isoformat()} for row in reviews])
        row = {"drop_id": drop_id, "decision_id": decision_id, "reviews": content, "made_at": now}
        connection.execute(sa.insert(DROPS), row)


def deliver(store: SqlStore, lake_uri: str, settings: Settings, now: datetime) -> int:
    """Bring reviews that wait into the drop, and give how many decisions' reviews that were; 0 where it takes none.

    They are marked once they are there. A process that ends in between leaves them twice, and they are taken in once.
    What a drop does not take waits for the next call.
    """
    with store.read() as connection:
        waiting = sa.select(DROPS.c.drop_id).where(DROPS.c.sent_at.is_(None)).order_by(DROPS.c.made_at)
        drops = [*connection.scalars(waiting)]
    inbox = inbox_of(lake_uri, settings.reviews_uri)
    try:
        return sum(_send(store, inbox, drop_id, now) for drop_id in drops)
    except PublishError as error:
        _LOG.warning("decisions wait for the drop of reviews: %s", error)
        return 0


def _send(store: SqlStore, inbox: UPath, drop_id: str, now: datetime) -> bool:
    """Bring one drop's reviews into the drop folder, unless another process is at it or was."""
    mine = DROPS.c.drop_id == drop_id
    with store.write() as connection:
        unsent = sa.select(DROPS.c.reviews).where(mine, DROPS.c.sent_at.is_(None))
        content = connection.scalar(unsent.with_for_update(skip_locked=True))
        if content is None:
            return False
        drop_reviews(inbox, _reviews(content))
        connection.execute(sa.update(DROPS).where(mine).values(sent_at=now, reviews=""))
        return True


def _reviews(content: str) -> list[dict[str, Any]]:
    times = ("decided_at", "known_at")
    rows = json.loads(content)
    return [{**row, **{name: datetime.fromisoformat(row[name]) for name in times}} for row in rows]
