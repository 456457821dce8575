"""Snoozes and waits: what is put aside comes back by a day, a larger amount, or another check."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from include.cases import CaseRefusedError, CaseState, HeldByAnotherError, NoSuchCaseError
from include.lake import Lake
from tests.case_book.nights import ACCOUNT, DAY, MINUTE, NIGHT, NOW, Desk, broken, finding, settings_of

NEXT = NIGHT + DAY
UNTIL = (NOW + 10 * DAY).date()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(settings_of(tmp_path))
    desk.publish([finding("a")])
    desk.book.snooze(desk.book.case_of("a"), "amount", UNTIL, "ann", NOW, "Buys a house.")
    return desk


def _state(desk: Desk) -> CaseState:
    return desk.case("a").row.state


def test_a_snoozed_check_is_quiet_until_its_day(desk: Desk) -> None:
    assert _state(desk) is CaseState.WAITING
    desk.publish([finding("b", night=NEXT)], NEXT)
    assert (_state(desk), desk.queue()) == (CaseState.WAITING, [])
    assert desk.kinds("a") == ["opened", "snoozed", "joined"]
    assert [each.is_snoozed for each in desk.case("a").findings] == [True, True]
    later = NOW + 10 * DAY
    desk.book.follow(Lake.open(desk.settings.lake_uri, desk.settings), later)
    assert [row.findings for row in desk.queue(later)] == [2]
    assert desk.kinds("a")[-1] == "woken"


def test_a_larger_amount_wakes_it(desk: Desk) -> None:
    desk.publish([finding("b", night=NEXT, amount="100.01")], NEXT)
    assert (_state(desk), desk.case("a").row.findings) == (CaseState.OPEN, 2)
    assert desk.case("a").snoozes == ()


def test_a_larger_amount_in_a_night_that_is_played_again_wakes_it(desk: Desk) -> None:
    desk.publish([finding("a", amount=90)], run="b")
    assert _state(desk) is CaseState.WAITING
    desk.publish([finding("a", amount=900)], run="c", now=NOW + MINUTE)
    assert (_state(desk), desk.case("a").snoozes) == (CaseState.OPEN, ())


def test_another_check_wakes_it(desk: Desk) -> None:
    desk.publish([broken("b", night=NEXT)], NEXT)
    assert (_state(desk), desk.case("a").row.findings) == (CaseState.OPEN, 2)
    said = [event.text for event in desk.case("a").events]
    assert "Amount is no longer quiet: Missed standing order was found on the account, too." in said


def test_a_person_wakes_it(desk: Desk) -> None:
    (snooze,) = desk.case("a").snoozes
    desk.book.wake(snooze.snooze_id, "bob", NOW + MINUTE)
    assert _state(desk) is CaseState.OPEN
    with pytest.raises(NoSuchCaseError):
        desk.book.wake(snooze.snooze_id, "bob", NOW + MINUTE)


def test_a_snoozed_finding_can_be_decided(desk: Desk) -> None:
    desk.book.decide(desk.decision("a"), "ann", NOW)
    assert _state(desk) is CaseState.CLOSED


def test_a_case_put_aside_is_opened_by_a_new_finding(desk: Desk) -> None:
    desk.publish([finding("b", account=5, night=NEXT)], NEXT)
    desk.book.wait(desk.book.case_of("b"), UNTIL, "ann", NOW)
    assert desk.case("b").row.state is CaseState.WAITING
    desk.publish([finding("c", account=5, night=NEXT + DAY)], NEXT + DAY)
    assert desk.case("b").row.state is CaseState.OPEN


@pytest.mark.parametrize("until", [NOW.date(), NOW.date() + timedelta(367), date(1994, 2, 1)])
def test_a_day_that_cannot_be_waited_for_is_told(desk: Desk, until: date) -> None:
    case_id = desk.book.case_of("a")
    with pytest.raises(CaseRefusedError, match="is no day to wait for"):
        desk.book.wait(case_id, until, "ann", NOW)
    with pytest.raises(CaseRefusedError, match="is no day to wait for"):
        desk.book.snooze(case_id, "amount", until, "ann", NOW)


def test_only_ones_own_case_and_a_check_of_it_is_snoozed(desk: Desk) -> None:
    case_id = desk.book.case_of("a")
    with pytest.raises(CaseRefusedError, match="no finding of this case is of the check or reason 'fee'"):
        desk.book.snooze(case_id, "fee", UNTIL, "ann", NOW)
    desk.book.claim(case_id, "bob", NOW)
    with pytest.raises(HeldByAnotherError):
        desk.book.snooze(case_id, "amount", UNTIL, "ann", NOW)
    assert str(ACCOUNT) not in "".join(event.text for event in desk.case("a").events)
