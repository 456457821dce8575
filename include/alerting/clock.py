"""What only the clock tells: nights that stopped, and nights that nobody published, with or without a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from include.alerting.messages import Message, MessageKind, Severity

WATCHED_DAYS = 7
"""Days back in which a run that failed is looked for: over a weekend with holidays."""


def watched_nights(now: datetime) -> list[date]:
    """The settlement dates whose runs are looked at, the newest first."""
    return [now.date() - timedelta(days=days) for days in range(1, WATCHED_DAYS + 1)]


def clock_messages(
    now: datetime, published: Collection[date], failed: Iterable[date], publish_hour: int
) -> list[Message]:
    """The messages on nights that stopped and on last night, where it is missed.

    A message has the same key whenever it is made, so that what is still so is not told again.

    Parameters
    ----------
    now
        The present time (UTC).
    published
        Settlement dates of the nights that readers see.
    failed
        Settlement dates of which a run failed.
    publish_hour
        Hour of the next day (UTC) from which on a night that is not published is missed; -1 for never.
    """
    stopped = sorted(set(failed) - set(published))
    found = [_critical(night, MessageKind.STOPPED) for night in stopped]
    last = now.date() - timedelta(days=1)
    is_due = 0 <= publish_hour <= now.hour
    if is_due and last not in published and last not in stopped:
        found.append(_critical(last, MessageKind.MISSED))
    return found


def _critical(night: date, kind: MessageKind) -> Message:
    return Message.of(night, kind, Severity.CRITICAL, (kind.value,), {})
