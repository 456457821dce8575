"""The book follows the lake: cases open, grow, change, and tell what came."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.cases import CaseState
from tests.case_book.nights import ACCOUNT, DAY, NIGHT, NOW, OTHER, Desk, finding, settings_of


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(settings_of(tmp_path))


def test_the_findings_of_one_account_are_one_case(desk: Desk) -> None:
    desk.publish([finding("a"), finding("b", OTHER), finding("c")])
    assert {row.account: row.findings for row in desk.queue()} == {str(ACCOUNT): 2, str(OTHER): 1}
    assert desk.book.case_of("a") == desk.book.case_of("c") != desk.book.case_of("b")


def test_later_findings_join_their_case(desk: Desk) -> None:
    desk.publish([finding("a")])
    desk.publish([finding("b", night=NIGHT + DAY)], NIGHT + DAY)
    assert desk.kinds("a") == ["opened", "joined"]
    assert (desk.case("a").row.findings, desk.case("a").row.newest) == (2, NIGHT + DAY)


def test_a_finding_on_the_bank_as_a_whole_is_a_case_of_its_own(desk: Desk) -> None:
    whole = {"kind": "drift", "code": "amount_drift", "severity": "warn", "trans_id": None, "score": None}
    desk.publish([finding("a", None, **whole), finding("b", None, **whole)])
    assert [row.account for row in desk.queue()] == [None, None]
    assert desk.queue()[0].state is CaseState.OPEN


def test_following_again_brings_nothing(desk: Desk) -> None:
    desk.publish([finding("a")])
    from include.lake import Lake

    lake = Lake.open(desk.settings.lake_uri, desk.settings)
    assert desk.book.follow(lake, NOW).nights == ()
    assert desk.kinds("a") == ["opened"]


def test_decision(desk: Desk) -> None:
    desk.publish([finding("a"), finding("c")])
    decided = desk.book.decide(desk.decision("a"), "ann", NOW)
    assert decided.is_sent
    print(decided, desk.case("a"))
    print(desk.book.undo(decided.decision_id, "ann", NOW), desk.kinds("a"))
    print(desk.case("a", sees_accounts=False))
    assert desk.book.audit.faults() == []
