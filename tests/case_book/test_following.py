"""The book follows the lake: cases open, grow, change, and tell what came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from include.cases import CaseState, following
from include.cases.store import writing
from include.lake import Lake
from include.lake.sql_store import SqlStore
from tests.case_book.nights import (
    ACCOUNT,
    DAY,
    INSERT,
    NIGHT,
    NOW,
    OTHER,
    Desk,
    broken,
    finding,
    publish,
    settings_of,
)


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
    lake = Lake.open(desk.settings.lake_uri, desk.settings)
    assert desk.book.follow(lake, NOW).nights == ()
    assert desk.kinds("a") == ["opened"]


def test_a_look_takes_in_the_newest_nights_and_a_later_one_the_rest(desk: Desk) -> None:
    nights = [NIGHT + n * DAY for n in range(3)]
    paid = {"trans_id": 77, "account_id": ACCOUNT, "trans_type": "D", "amount": 540}
    publish(desk.settings, [broken("gap"), finding("a")], nights[0], corrections={"gap": INSERT})
    publish(desk.settings, [finding("b", night=nights[1])], nights[1], postings=[paid])
    review = {"decision": "confirmed", "who": "eve", "decided_at": NOW, "known_at": NOW, "review_key": "k"}
    reviewed = finding("c", OTHER, nights[2], review_state="confirmed")
    lake = publish(desk.settings, [reviewed], nights[2], reviews=[{**review, "trans_id": reviewed["trans_id"]}])
    looks = [desk.book.follow(lake, NOW, most=2) for _ in range(3)]
    assert [each.nights for each in looks] == [(nights[1], nights[2]), (nights[0],), ()]
    assert [each.nights_left for each in looks] == [1, 0, 0]
    assert desk.kinds("a") == ["opened", "joined", "cleared"]
    assert desk.case("gap").row.clearing == "Posting 77 of 1994-02-01 had the missing amount."
    assert desk.case("c").row.state is CaseState.CLOSED


def test_a_posting_that_cleared_a_break_clears_no_other_one_later(desk: Desk) -> None:
    paid = {"trans_id": 77, "account_id": ACCOUNT, "trans_type": "D", "amount": 540}
    desk.publish([broken("gap"), broken("more")], corrections={"gap": INSERT, "more": INSERT})
    for run in ("a", "b"):
        desk.publish([], NIGHT + DAY, postings=[paid], run=run)
    assert [each.cleared_by is None for each in desk.case("gap").findings].count(False) == 1


def test_the_lake_is_read_before_anybody_has_to_wait(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(desk.settings, [broken("gap")], corrections={"gap": INSERT})
    lake = publish(desk.settings, [finding("a", night=NIGHT + DAY)], NIGHT + DAY)
    is_writing, read = [False], Lake.read

    @contextmanager
    def watched(store: SqlStore) -> Iterator[sa.Connection]:
        with writing(store) as connection:
            is_writing[0] = True
            yield connection
            is_writing[0] = False

    def read_outside(*asked: Any, **named: Any) -> Any:
        assert not is_writing[0]
        return read(*asked, **named)

    monkeypatch.setattr(following, "writing", watched)
    monkeypatch.setattr(Lake, "read", read_outside)
    assert len(desk.book.follow(lake, NOW).nights) == 2
