"""A night that is played again changes findings, takes them away, and makes decisions on the old ones void."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.cases import CaseState, Change, ChangedMeanwhileError
from tests.case_book.nights import ACCOUNT, DAY, INSERT, MINUTE, NIGHT, NOW, OTHER, Desk, broken, finding, settings_of


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(settings_of(tmp_path))


def test_a_finding_that_changed_is_not_decided_unseen(desk: Desk) -> None:
    desk.publish([finding("a"), finding("gone")])
    stale = desk.decision("a", "gone")
    desk.publish([finding("a", amount=900, text="Account paid out 900.00.", masked_text="Paid 900.00.")], run="b")
    with pytest.raises(ChangedMeanwhileError, match="2 findings of this case changed since you looked") as refused:
        desk.book.decide(stale, "ann", NOW)
    assert {*refused.value.changes} == {
        Change("a", "amount", "100.00", "900.00"),
        Change("a", "text", f"Account {ACCOUNT} paid out 100.00.", "Account paid out 900.00."),
        Change("gone", "gone", "found", "no longer found"),
    }
    assert desk.kinds("a") == ["opened", "changed", "gone"]
    desk.book.decide(desk.decision("a"), "ann", NOW)
    assert desk.case("a").row.state is CaseState.CLOSED


def test_masked_readers_see_masked_changes(desk: Desk) -> None:
    desk.publish([finding("a")])
    desk.publish([finding("a", text=f"Account {ACCOUNT} twice.", masked_text="Account … twice.")], run="b")
    (found,) = desk.case("a", sees_accounts=False).findings
    assert found.changes == (Change("a", "text", "Account … paid out 100.00.", "Account … twice."),)
    assert str(ACCOUNT) not in repr(desk.case("a", sees_accounts=False))


def test_a_night_that_finds_the_same_changes_nothing(desk: Desk) -> None:
    desk.publish([finding("a")])
    desk.publish([finding("a", score=0.6001)], run="b")
    assert desk.kinds("a") == ["opened"]


def test_what_was_decided_on_another_amount_is_open_again(desk: Desk) -> None:
    desk.publish([finding("a"), finding("b", OTHER)])
    for name in ("a", "b"):
        desk.book.decide(desk.decision(name), "ann", NOW)
    changed = finding("a", amount=900), finding("b", OTHER, text="The same, in other words.")
    desk.publish([*changed], run="b", now=NOW + MINUTE)
    assert (desk.case("a").row.state, desk.case("b").row.state) == (CaseState.OPEN, CaseState.CLOSED)
    assert desk.case("a").findings[0].outcome is None


def test_a_case_whose_findings_are_gone_is_closed_and_one_found_again_is_open(desk: Desk) -> None:
    desk.publish([finding("a"), finding("b", OTHER)])
    desk.publish([finding("b", OTHER)], run="b")
    assert desk.case("a").row.state is CaseState.CLOSED
    desk.publish([finding("a"), finding("b", OTHER)], run="c")
    assert desk.case("a").row.state is CaseState.OPEN
    assert desk.kinds("a") == ["opened", "gone", "joined"]


def test_a_new_finding_opens_a_closed_case_and_says_what_came(desk: Desk) -> None:
    desk.publish([finding("a")])
    desk.book.decide(desk.decision("a"), "ann", NOW)
    desk.publish([broken("b", night=NIGHT + DAY)], NIGHT + DAY)
    case = desk.case("a")
    assert (case.row.state, case.row.findings, case.row.codes) == (CaseState.OPEN, 1, ("missed_standing_order",))
    assert case.events[0].text == "Reopened by 1 finding of 1 February 1994: missed standing order."


def test_reviews_from_elsewhere_show_in_their_case_and_ones_own_do_not_come_back(desk: Desk) -> None:
    desk.publish([finding("api"), finding("own", OTHER)])
    desk.book.decide(desk.decision("own"), "ann", NOW)
    trans = {name: sum(map(ord, name)) for name in ("api", "own")}
    at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    review = {"decision": "confirmed", "reason": "card", "known_at": at, "review_key": "k"}
    reviews = [
        {**review, "trans_id": trans["api"], "who": "eve", "decided_at": at},
        {**review, "trans_id": trans["own"], "who": "ann", "decided_at": NOW, "review_key": "l"},
    ]
    # The night that takes reviews in brings the states of earlier findings up to date.
    desk.publish(
        [finding("api", review_state="confirmed"), finding("own", OTHER, review_state="confirmed")],
        run="b",
        reviews=reviews,
    )
    assert desk.kinds("own") == ["opened", "decided"]
    assert desk.kinds("api") == ["opened", "reviewed"]
    event = desk.case("api").events[0]
    assert (event.who, event.note, event.text) == (
        "eve",
        "card",
        "A review over the API or from a file: amount of 1994-01-31 is confirmed.",
    )
    assert desk.case("api").row.state is CaseState.CLOSED
    assert desk.case("api", sees_accounts=False).events[0].note is None


def test_a_posting_that_came_late_is_proposed_for_closing_a_break(desk: Desk) -> None:
    double = {"action": "delete", "trans_id": 55, "field": None, "value": None}
    desk.publish(
        [broken("gap"), broken("next", OTHER), broken("double", 3, code="duplicate_posting", trans_id=55)],
        corrections={"gap": INSERT, "next": INSERT, "double": double},
    )
    paid = {"trans_id": 77, "account_id": ACCOUNT, "trans_type": "D", "amount": 540}
    wrong = {"trans_id": 78, "account_id": OTHER, "trans_type": "C", "amount": 540}
    reversal = {"trans_id": 79, "account_id": 3, "trans_type": "C", "amount": 1, "reverses": 55}
    desk.publish([], NIGHT + DAY, postings=[paid, wrong, reversal])
    assert desk.case("gap").row.clearing == "Posting 77 of 1994-02-01 had the missing amount."
    assert desk.case("gap", sees_accounts=False).row.clearing == "Posting … of 1994-02-01 had the missing amount."
    assert desk.case("double").row.clearing == "Posting 79 of 1994-02-01 reversed the double."
    assert desk.case("next").row.clearing is None
    assert desk.case("gap").row.state is CaseState.OPEN
    assert desk.kinds("gap") == ["opened", "cleared"]


def test_the_next_months_payment_clears_nothing(desk: Desk) -> None:
    desk.publish([broken("gap")], corrections={"gap": INSERT})
    paid = {"trans_id": 77, "account_id": ACCOUNT, "trans_type": "D", "amount": 540}
    desk.publish([], NIGHT + 28 * DAY, postings=[paid])
    assert desk.case("gap").row.clearing is None
