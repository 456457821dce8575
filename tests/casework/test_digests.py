"""Once a day somebody who wants one is told what is new, aged and overdue in their queue, as links and money."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.alerting.drain import AlertDrain
from include.alerting.letter import Letter
from include.alerting.store import Answer
from include.cases import CaseBook
from include.casework.digests import due_digests
from include.errors import SettingsError
from include.settings import Settings, get_settings
from tests.case_book.nights import ACCOUNT, OTHER, broken, finding, publish, settings_of

MORNING = datetime(2026, 3, 3, 7, 5, tzinfo=UTC)
DAY = timedelta(days=1)
NIGHTS = (date(2026, 2, 2), date(2026, 2, 24), date(2026, 3, 2))
THIRD = 870_000_013
LINK = "https://bank.example/findings/{finding_id}"


def _settings(folder: Path, **values: Any) -> Settings:
    sinks = {name: {"kind": "webhook", "connection": name} for name in ("desk", "ida")}
    given = {"digests": {"ida": {"sink": "ida", "hour": 7}}, "alert_finding_link": LINK, **values}
    return settings_of(folder, alert_sinks=sinks, **given)


@pytest.fixture
def drain(tmp_path: Path) -> Iterator[AlertDrain]:
    """A lake with an overdue case, an aged one, and one that is new."""
    settings = _settings(tmp_path)
    for number, (night, account) in enumerate(zip(NIGHTS, (ACCOUNT, OTHER, THIRD), strict=True)):
        name = f"{number:032x}"
        publish(settings, [broken(name, account, night)], night, run=str(number))
    yield AlertDrain.open(settings.lake_uri, settings)


def _made(drain: AlertDrain, now: datetime) -> int:
    return drain.address(due_digests(drain.settings.lake_uri, drain, now), now)


def _letters(drain: AlertDrain, now: datetime, answer: bool = True, sink: str = "ida") -> list[Letter]:
    letters: list[Letter] = []

    def send(letter: Letter) -> Answer:
        letters.append(letter)
        return Answer(is_taken=answer, is_up=answer, text="")

    drain.deliver(sink, send, lambda: now)
    return letters


def test_it_tells_what_is_new_aged_and_overdue_with_its_money_and_links_alone(drain) -> None:
    assert _made(drain, MORNING) == 1
    (letter,) = _letters(drain, MORNING)
    assert letter.subject == "Queue of ida on 2026-03-03: new 1, aged 1, overdue 1"
    assert letter.text.count(": 1 case, 540.00 at stake.") == 3
    links = [LINK.replace("{finding_id}", f"{number:032x}") for number in (2, 1, 0)]
    assert [line.strip() for line in letter.text.splitlines() if "https" in line] == links
    said = letter.text + json.dumps(letter.data) + letter.html
    assert not any(str(account) in said for account in (ACCOUNT, OTHER, THIRD))


def test_it_is_made_once_a_day_and_not_before_its_hour(drain) -> None:
    assert _made(drain, MORNING - timedelta(hours=1)) == 0
    assert [_made(drain, MORNING + timedelta(minutes=minutes)) for minutes in (0, 5, 600)] == [1, 0, 0]
    assert _made(drain, MORNING + DAY) == 1
    assert _letters(drain, MORNING, sink="desk") == []


def test_it_waits_until_the_cases_are_whole(drain, monkeypatch) -> None:
    monkeypatch.setattr("include.casework.digests.AT_A_LOOK", 1)
    made = [_made(drain, MORNING + timedelta(minutes=minutes)) for minutes in range(3)]
    assert made == [0, 0, 1]


def test_a_sink_that_is_down_gets_it_later_under_the_same_key(drain) -> None:
    _made(drain, MORNING)
    (first,) = _letters(drain, MORNING, answer=False)
    (second,) = _letters(drain, MORNING + timedelta(minutes=10))
    assert first.key == second.key
    assert _letters(drain, MORNING + timedelta(minutes=20)) == []


def test_what_was_told_as_new_is_new_once_and_a_late_night_is_new_the_day_after(drain) -> None:
    _made(drain, MORNING)
    _letters(drain, MORNING)
    late = finding("a" * 32, 870_000_014, date(2026, 3, 3))
    publish(drain.settings, [late], date(2026, 3, 3), run="9")
    _made(drain, MORNING + DAY)
    (letter,) = _letters(drain, MORNING + DAY)
    assert "new 1" in letter.subject
    _made(drain, MORNING + 2 * DAY)
    (letter,) = _letters(drain, MORNING + 2 * DAY)
    assert "new 0" in letter.subject


def test_cases_that_somebody_else_holds_or_that_wait_are_left_out(drain) -> None:
    settings = drain.settings
    book = CaseBook.open(settings.lake_uri, settings)
    book.follow(drain.lake, MORNING)
    book.claim(book.case_of(f"{0:032x}"), "max", MORNING)
    book.wait(book.case_of(f"{1:032x}"), date(2026, 3, 20), "ida", MORNING)
    book.claim(book.case_of(f"{2:032x}"), "ida", MORNING)
    _made(drain, MORNING)
    (letter,) = _letters(drain, MORNING)
    assert letter.subject.endswith("new 1, aged 0, overdue 0")


def test_nothing_to_do_is_said_too(tmp_path) -> None:
    settings = _settings(tmp_path)
    publish(settings, [], NIGHTS[0])
    drain = AlertDrain.open(settings.lake_uri, settings)
    _made(drain, MORNING)
    (letter,) = _letters(drain, MORNING)
    assert "Nothing waits for you." in letter.text


def test_before_the_first_night_there_is_no_digest(tmp_path) -> None:
    settings = _settings(tmp_path)
    drain = AlertDrain.open(settings.lake_uri, settings)
    assert _made(drain, MORNING) == 0


def test_a_digest_goes_to_a_place_that_there_is(monkeypatch) -> None:
    monkeypatch.setenv("ADS_DIGESTS", '{"ida": {"sink": "nowhere"}}')
    get_settings.cache_clear()
    with pytest.raises(SettingsError, match="leads to nowhere, which ADS_ALERT_SINKS does not name"):
        get_settings()
    monkeypatch.undo()
    get_settings.cache_clear()
