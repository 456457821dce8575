"""A night's findings, as the console shows them to whoever may not see whom."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from include.alerting import AlertStore, Message, MessageKind, Severity
from include.lake import Lake
from include.settings import AlertSink, Settings
from plugins.settlement_console.nights.night import NightPage, night_page
from plugins.settlement_console.templating import render
from tests.tableau.marts import ACCOUNT, publish_marts

EVIL = "<script>alert(1)</script>"
NIGHT = date(1994, 1, 31)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a lake of one night with a flagged posting, a break, and another flagged posting."""
    folder = tmp_path_factory.mktemp("findings") / "lake"
    publish_marts(folder, NIGHT)
    return Settings(lake_uri=str(folder))


def _night(settings: Settings) -> NightPage:
    page = night_page(settings, NIGHT)
    assert page is not None
    return page


def test_a_night_shows_its_queue_in_order_with_a_link_to_each_finding(settings: Settings) -> None:
    night = _night(settings)
    assert [row["rank"] for row in night.findings] == [1, 2, 3]
    assert (night.counts, night.left_out) == ([(("score", "amount"), 2), (("break", "amount"), 1)], 0)
    shown = render("one_night.html", root="/settlement", page=night)
    assert all(f'href="/settlement/findings/{NIGHT}-{rank}"' in shown for rank in (1, 2, 3))


def test_nothing_on_the_page_names_an_account(settings: Settings) -> None:
    page = render("one_night.html", root="", page=_night(settings))
    assert [rank for rank in (1, 2, 3) if str(ACCOUNT + rank) in page] == []


def test_a_look_makes_no_lake(settings: Settings, tmp_path) -> None:
    assert night_page(settings, NIGHT - timedelta(days=1)) is None
    nowhere = Settings(lake_uri=str(tmp_path / "lake"))
    assert night_page(nowhere, NIGHT) is None
    assert not (tmp_path / "lake").exists()


def test_what_became_of_the_messages_is_shown(settings: Settings) -> None:
    assert _night(settings).messages == []
    sinks = {"desk": AlertSink(kind="email", connection="mail", to="desk@bank.example")}
    with_sinks = settings.model_copy(update={"alert_sinks": sinks})
    now = datetime(1994, 2, 1, 6, tzinfo=UTC)
    message = Message.of(NIGHT, MessageKind.DRIFT, Severity.WARN, ("amount_drift",), {})
    identity = Lake.open(settings.lake_uri, settings).identity
    AlertStore.open(settings.lake_uri, identity, with_sinks).take([(message, {"desk": now})], now)
    told = _night(with_sinks)
    assert [(row["kind"], row["sink"], row["sent_at"]) for row in told.messages] == [("drift", "desk", None)]
    assert "not yet" in render("one_night.html", root="", page=told)


def test_a_banks_texts_are_text() -> None:
    counted = ("offered_rows", "published_rows", "quarantined_rows", "published_money", "error_breaks", "flagged")
    row = dict.fromkeys(("severity", "text", "code", "review_state"), EVIL)
    message = {**dict.fromkeys(("kind", "severity", "sink", "answer"), EVIL), "sent_at": None, "dropped_at": None}
    page = NightPage(
        night=NIGHT,
        totals=dict.fromkeys(counted, 0),
        findings=[{**row, "rank": 1, "finding_id": None, "amount": None, "score": None}],
        counts=[(("break", EVIL), 501)],
        messages=[{**message, "attempts": 1}],
    )
    shown = render("one_night.html", root="", page=page)
    assert "<script>" not in shown
    assert "500 less urgent ones" in shown
    assert "not yet" in shown
