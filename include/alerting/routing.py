"""Decides which sinks get a message, and from when on: routes by severity, kind and code, and quiet hours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from include.alerting.messages import Message, Severity
from include.settings import AlertRoute, AlertSink, Settings


def sinks_of(message: Message, settings: Settings, now: datetime) -> dict[str, datetime]:
    """The sinks that a message goes to, each with the time from which on it may be sent there.

    Parameters
    ----------
    message
        The message.
    settings
        Settings with sinks and routes; without any route every message goes to every sink.
    now
        The present time (UTC).
    """
    names = _routed(message, settings.alert_routes) if settings.alert_routes else settings.alert_sinks
    return {name: due_at(message, settings.alert_sinks[name], now) for name in names}


def _routed(message: Message, routes: Iterable[AlertRoute]) -> list[str]:
    taken = [name for route in routes if _takes(route, message) for name in route.sinks]
    return list(dict.fromkeys(taken))


def _takes(route: AlertRoute, message: Message) -> bool:
    is_urgent = message.severity.level >= Severity(route.severity).level
    is_of_kind = not route.kinds or message.kind in route.kinds
    return is_urgent and is_of_kind and (not route.codes or not route.codes.isdisjoint(message.codes))


def due_at(message: Message, sink: AlertSink, now: datetime) -> datetime:
    """When a message may be sent: now, or the end of the sink's quiet hours; what is critical does not wait for it."""
    if not sink.quiet or message.severity == Severity.CRITICAL:
        return now
    start, end = map(int, sink.quiet.split("-"))
    is_quiet = start <= now.hour < end if start <= end else now.hour >= start or now.hour < end
    if not is_quiet:
        return now
    today = now.replace(hour=end, minute=0, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)
