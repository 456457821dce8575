"""Who gets a message and when: routes, quiet hours, and what only the clock tells."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.alerting import Message, MessageKind, Severity, watched_nights
from include.alerting.clock import clock_messages
from include.alerting.routing import sinks_of
from include.settings import Settings
from tests.alerting.nights import NIGHT, NOW


def message(kind: str = "night", severity: str = "error", codes: tuple[str, ...] = ("fee",)) -> Message:
    return Message.of(NIGHT, MessageKind(kind), Severity(severity), codes, {})


def settings(routes: list[dict[str, Any]], quiet: str = "") -> Settings:
    sinks = {name: {"kind": "webhook", "connection": name, "quiet": quiet} for name in ("desk", "ops")}
    return Settings(alert_sinks=sinks, alert_routes=routes)


@pytest.mark.parametrize(
    ("routes", "told", "expected"),
    [
        ([], message(), {"desk", "ops"}),
        ([{"sinks": ["ops"]}], message(), {"ops"}),
        ([{"sinks": ["ops"], "severity": "critical"}], message(), set()),
        ([{"sinks": ["ops"], "severity": "critical"}], message(severity="critical"), {"ops"}),
        ([{"sinks": ["ops"], "severity": "warn"}], message(), {"ops"}),
        ([{"sinks": ["ops"], "kinds": ["drift"]}], message(), set()),
        ([{"sinks": ["ops"], "kinds": ["drift"]}], message("drift"), {"ops"}),
        ([{"sinks": ["desk"], "codes": ["fee", "interest"]}], message(), {"desk"}),
        ([{"sinks": ["desk"], "codes": ["interest"]}], message(), set()),
        ([{"sinks": ["desk"]}, {"sinks": ["ops", "desk"]}], message(), {"desk", "ops"}),
    ],
)
def test_a_message_goes_where_routes_lead(routes: list[Any], told: Message, expected: set[str]) -> None:
    assert sinks_of(told, settings(routes), NOW).keys() == expected


@pytest.mark.parametrize(
    ("quiet", "severity", "now", "due"),
    [
        ("20-06", "error", "2026-03-03 03:10", "2026-03-03 06:00"),
        ("20-06", "error", "2026-03-03 21:00", "2026-03-04 06:00"),
        ("20-06", "error", "2026-03-03 06:00", "2026-03-03 06:00"),
        ("20-06", "critical", "2026-03-03 03:10", "2026-03-03 03:10"),
        ("02-05", "error", "2026-03-03 03:10", "2026-03-03 05:00"),
        ("02-05", "error", "2026-03-03 05:10", "2026-03-03 05:10"),
        ("", "error", "2026-03-03 03:10", "2026-03-03 03:10"),
    ],
)
def test_what_is_not_critical_waits_for_the_end_of_quiet_hours(quiet: str, severity: str, now: str, due: str) -> None:
    at, expected = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, due))
    assert sinks_of(message(severity=severity), settings([], quiet), at)["ops"] == expected


def test_a_route_to_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="leads to elsewhere, which ADS_ALERT_SINKS does not name"):
        settings([{"sinks": ["elsewhere"]}])


@pytest.mark.parametrize("quiet", ["20", "24-06", "20-6", "20:00-06:00"])
def test_quiet_hours_are_two_hours(quiet: str) -> None:
    with pytest.raises(ValueError, match="quiet"):
        settings([], quiet)


def told(now: datetime, published: set[date], failed: set[date] = frozenset(), hour: int = 6) -> list[tuple[str, date]]:
    return [(each.kind.value, each.night) for each in clock_messages(now, published, failed, hour)]


def test_a_night_is_missed_from_the_hour_on_where_nobody_published_it() -> None:
    assert told(NOW, set()) == []
    assert told(NOW.replace(hour=6), set()) == [("missed", NIGHT)]
    assert told(NOW.replace(hour=6), {NIGHT}) == []
    assert told(NOW.replace(hour=23), set(), hour=-1) == []


def test_a_night_that_stopped_is_told_at_once_and_not_as_missed_too() -> None:
    assert told(NOW, set(), {NIGHT}) == [("stopped", NIGHT)]
    assert told(NOW.replace(hour=6), set(), {NIGHT}) == [("stopped", NIGHT)]
    assert told(NOW.replace(hour=6), {NIGHT}, {NIGHT}) == []


def test_what_is_still_so_keeps_its_key() -> None:
    first, second = (clock_messages(NOW.replace(hour=hour), set(), set(), 6) for hour in (6, 20))
    assert [each.key for each in first] == [each.key for each in second]


def test_a_week_of_runs_is_looked_at() -> None:
    assert watched_nights(NOW)[0] == NIGHT
    assert len(watched_nights(NOW)) == 7
    assert watched_nights(NOW)[-1] == NIGHT - timedelta(days=6)
