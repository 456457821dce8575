"""Decisions: claimed, taken once by who saw what they are about, in the drop at once, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from upath import UPath

from include.cases import (
    CaseRefusedError,
    CaseState,
    DecidedByAnotherError,
    HeldByAnotherError,
    NoSuchCaseError,
)
from include.lake import Lake
from include.reviews.drop import inbox_of, read_inbox
from tests.case_book.nights import DAY, MINUTE, NIGHT, NOW, Desk, broken, finding, settings_of

Names = Callable[[str], str]


def _dropped(desk: Desk, **wanted: object) -> list[dict[str, object]]:
    files, notes = read_inbox(inbox_of(desk.settings.lake_uri, desk.settings.reviews_uri))
    assert notes == []
    rows = [row for file in files for row in file.rows.to_pylist()]
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def test_a_decision_stands_at_once_and_lies_in_the_drop(shared_desk: Desk, names: Names, account: int) -> None:
    decided = shared_desk.book.decide(shared_desk.decision(names("one"), note="She called."), "ann", NOW)
    assert (decided.is_sent, decided.acts_from, decided.left_open) == (True, date(2026, 3, 2), 2)
    found = {each.finding_id: each for each in shared_desk.case(names("one")).findings}
    assert (found[names("one")].outcome, found[names("two")].outcome) == ("fraud", None)
    (review,) = _dropped(shared_desk, trans_id=sum(map(ord, names("one"))))
    assert (review["decision"], review["who"], review["known_at"]) == ("confirmed", "ann", NOW)
    assert review["reason"] == "Fraud: The card was stolen or copied. She called."
    shared_desk.book.decide(shared_desk.decision(names("gap"), outcome="cleared", reason="posted_later"), "ann", NOW)
    (of_break,) = _dropped(shared_desk, account_id=account)
    assert (of_break["check_code"], of_break["decision"]) == ("missed_standing_order", "dismissed")


def test_a_case_is_closed_once_nothing_is_left_to_decide(shared_desk: Desk, names: Names) -> None:
    all_of_it = [names(short) for short in ("one", "two", "gap")]
    assert shared_desk.book.decide(shared_desk.decision(*all_of_it), "ann", NOW).left_open == 0
    assert shared_desk.case(names("one")).row.state is CaseState.CLOSED


def test_who_comes_second_sees_who_was_first(shared_desk: Desk, names: Names) -> None:
    decision = shared_desk.decision(names("one"))
    shared_desk.book.decide(decision, "ann", NOW)
    with pytest.raises(DecidedByAnotherError, match="ann decided it as fraud at 2026-03-02 09:00 UTC"):
        shared_desk.book.decide(decision, "bob", NOW + MINUTE)
    again = shared_desk.decision(names("one"), outcome="in_order", reason="known_habit")
    shared_desk.book.decide(again, "bob", NOW + MINUTE)
    assert shared_desk.case(names("one")).row.decided == "in_order"


def test_a_claim_holds_for_an_hour(shared_desk: Desk, names: Names) -> None:
    book, case_id = shared_desk.book, shared_desk.book.case_of(names("one"))
    assert book.claim(case_id, "ann", NOW) == NOW + timedelta(hours=1)
    assert shared_desk.case(names("one")).row.holder == "ann"
    with pytest.raises(HeldByAnotherError, match="ann is looking at this case until 2026-03-02 10:00 UTC"):
        book.claim(case_id, "bob", NOW + 59 * MINUTE)
    with pytest.raises(HeldByAnotherError):
        book.decide(shared_desk.decision(names("one")), "bob", NOW + MINUTE)
    book.claim(case_id, "bob", NOW + 60 * MINUTE)
    assert shared_desk.case(names("one"), NOW + 61 * MINUTE).row.state is CaseState.IN_REVIEW
    book.release(case_id, "bob", NOW + 61 * MINUTE)
    assert shared_desk.case(names("one"), NOW + 61 * MINUTE).row.state is CaseState.OPEN


def test_a_decision_gives_the_claim_back(shared_desk: Desk, names: Names) -> None:
    shared_desk.book.claim(shared_desk.book.case_of(names("one")), "ann", NOW)
    shared_desk.book.decide(shared_desk.decision(names("one")), "ann", NOW)
    assert shared_desk.case(names("one")).row.holder is None


def test_what_is_taken_back_is_open_again_and_history_keeps_both(shared_desk: Desk, names: Names) -> None:
    book = shared_desk.book
    decided = book.decide(shared_desk.decision(names("one")), "ann", NOW)
    assert book.undo(decided.decision_id, "bob", NOW + MINUTE).left_open == 3
    assert shared_desk.case(names("one")).findings[0].review_state == "open"
    assert shared_desk.kinds(names("one")) == ["opened", "decided", "undone"]
    reviews = _dropped(shared_desk, trans_id=sum(map(ord, names("one"))))
    assert [(row["decision"], row["who"]) for row in sorted(reviews, key=lambda row: row["decided_at"])] == [
        ("confirmed", "ann"),
        ("unsure", "bob"),
    ]
    with pytest.raises(CaseRefusedError, match="bob took this decision back"):
        book.undo(decided.decision_id, "ann", NOW + 2 * MINUTE)


def test_what_another_decision_says_of_the_same_check_is_said_anew(tmp_path: Path) -> None:
    desk, later = Desk(settings_of(tmp_path)), NIGHT + DAY
    desk.publish([broken("first"), finding("posting")])
    desk.publish([broken("second", night=later)], later)
    standing = {"outcome": "in_order", "reason": "known_habit"}
    desk.book.decide(desk.decision("first", **standing), "ann", NOW)
    taken = desk.book.decide(desk.decision("second", "posting"), "bob", NOW + MINUTE)
    desk.book.undo(taken.decision_id, "bob", NOW + MINUTE)
    said = sorted(_dropped(desk), key=lambda row: row["decided_at"])[-2:]
    of_break, of_posting = sorted(said, key=lambda row: row["trans_id"] is not None)
    assert (of_break["check_code"], of_break["decision"], of_break["who"]) == (
        "missed_standing_order",
        "dismissed",
        "ann",
    )
    assert of_break["decided_at"] == of_break["known_at"] > NOW + MINUTE
    assert (of_posting["decision"], of_posting["who"]) == ("unsure", "bob")
    again = desk.book.decide(desk.decision("second"), "bob", NOW + 2 * MINUTE)
    desk.book.undo(again.decision_id, "bob", NOW + 3 * MINUTE)
    (first,) = (each.decision_id for each in desk.case("first").decisions if each.who == "ann")
    desk.book.undo(first, "ann", NOW + 3 * MINUTE)
    assert max(_dropped(desk), key=lambda row: row["decided_at"])["decision"] == "unsure"
    published = [{**of_break, "review_key": "k"}]
    kinds = desk.kinds("first")
    desk.publish([broken("second", night=later, review_state="dismissed")], later, run="b", reviews=published)
    assert desk.kinds("first") == kinds


def test_a_decision_after_what_was_taken_back_is_refused_once(shared_desk: Desk, names: Names) -> None:
    book = shared_desk.book
    decided = book.decide(shared_desk.decision(names("one")), "ann", NOW)
    seen = shared_desk.decision(names("one"))
    book.undo(decided.decision_id, "ann", NOW + MINUTE)
    with pytest.raises(DecidedByAnotherError, match="ann took a decision on it back"):
        book.decide(seen, "bob", NOW + 2 * MINUTE)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"outcome": "guilty"}, "'guilty' is no outcome: choose one of fraud, processing_error"),
        ({"reason": "because"}, "'because' is no reason for fraud: choose one of account_taken_over"),
        ({"note": "x" * 4001}, "the note has 4,001 characters, 4,000 are allowed"),
        ({"seen": {}}, "no finding is chosen"),
    ],
)
def test_what_is_not_allowed_is_told(shared_desk: Desk, names: Names, values: dict[str, object], sentence: str) -> None:
    with pytest.raises(CaseRefusedError, match=sentence):
        shared_desk.book.decide(replace(shared_desk.decision(names("one")), **values), "ann", NOW)
    assert shared_desk.kinds(names("one")) == ["opened"]


def test_a_finding_of_another_case_is_not_decided(shared_desk: Desk, names: Names) -> None:
    decision = shared_desk.decision(names("one"))
    with pytest.raises(NoSuchCaseError, match="1 of the findings are not in this case"):
        shared_desk.book.decide(replace(decision, seen={**decision.seen, "elsewhere": "x"}), "ann", NOW)


def test_a_drop_that_takes_nothing_loses_nothing(shared_desk: Desk, names: Names) -> None:
    inbox = inbox_of(shared_desk.settings.lake_uri, shared_desk.settings.reviews_uri)
    aside = inbox.rename(inbox.with_name("aside")) if inbox.exists() else None
    inbox.parent.mkdir(parents=True, exist_ok=True)
    inbox.write_text("in the way")
    decided = shared_desk.book.decide(shared_desk.decision(names("one")), "ann", NOW)
    assert (decided.is_sent, shared_desk.case(names("one")).row.decided) == (False, "fraud")
    assert not shared_desk.case(names("one")).decisions[0].is_sent
    inbox.unlink()
    if aside is not None:
        UPath(aside).rename(inbox)
    shared_desk.book.follow(Lake.open(shared_desk.settings.lake_uri, shared_desk.settings), NOW + DAY)
    (review,) = _dropped(shared_desk, trans_id=sum(map(ord, names("one"))))
    assert review["known_at"] == NOW
    assert shared_desk.book.deliver(NOW + DAY) == 0


def test_many_are_decided_alike_and_taken_back_together(shared_desk: Desk, account: int, _accounts: object) -> None:
    other = next(_accounts)  # type: ignore[call-overload]
    book, cases = shared_desk.book, [shared_desk.book.case_of(f"{number}-one") for number in (account, other)]
    held = shared_desk.book.case_of(f"{next(_accounts)}-one")  # type: ignore[call-overload]
    book.claim(held, "bob", NOW)
    seen = book.preview([*cases, held, "nothing"], "in_order", "bank_way", "ann", NOW)
    assert (seen.findings, seen.refused["nothing"]) == (6, "there is no such case")
    assert seen.refused[held].startswith("bob is looking at it until")
    assert shared_desk.case(f"{account}-one").decisions == ()
    done = book.decide_many(seen.decisions, "ann", NOW)
    assert [*done.decided] == cases
    assert all(each.is_sent and each.left_open == 0 for each in done.decided.values())
    refused = book.decide_many(seen.decisions, "bob", NOW + MINUTE)
    assert [type(error) for error in refused.refused.values()] == [DecidedByAnotherError] * 2
    book.undo(done.batch_id, "ann", NOW + MINUTE)
    assert all(shared_desk.case(f"{number}-one").row.findings == 3 for number in (account, other))
    with pytest.raises(CaseRefusedError, match="0 cases are chosen"):
        book.preview([], "in_order", "bank_way", "ann", NOW)


def test_next_takes_the_most_urgent_that_nobody_holds(shared_desk: Desk, names: Names) -> None:
    from include.cases import QueueFilter

    wanted, book = QueueFilter(), shared_desk.book
    first = book.claim_next(wanted, "cat", NOW, sees_accounts=True)
    second = book.claim_next(wanted, "dan", NOW, sees_accounts=True)
    assert first is not None
    assert second is not None
    assert first != second
    order = [row.case_id for row in shared_desk.queue()]
    assert order.index(first) < order.index(second)
    nobody = QueueFilter(first_night=NIGHT + DAY)
    assert book.claim_next(nobody, "cat", NOW, sees_accounts=True) is None
