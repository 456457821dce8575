"""What an address chooses, and the sentence where it chooses nothing that there is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from plugins.settlement_console.explore.choice import Choice, ChoiceError
from plugins.settlement_console.queue.filters import AskedQueue

NEWEST = date(1994, 1, 31)
FULL = {
    "from": "1994-01-02",
    "to": "1994-01-20",
    "by": "month",
    "x": "hour",
    "y": "amount",
    "kind": "score",
    "code": "amount",
    "district": "Ústí & Most",
    "amount_from": "10.5",
    "score_to": "0.9",
}


def _choice(given: dict[str, str], *, sees_accounts: bool = False) -> Choice:
    return Choice.of(given, NEWEST, sees_accounts=sees_accounts)


def test_an_address_without_a_choice_is_about_the_last_month() -> None:
    choice = _choice({})
    assert (choice.first, choice.last, choice.x, choice.y) == (date(1994, 1, 1), NEWEST, "amount", "score")
    assert _choice({"to": "1994-01-20"}).first == date(1993, 12, 21)
    assert _choice({"to": "0001-01-02"}).first < date(2, 1, 1)


def test_a_choice_and_its_address_say_the_same() -> None:
    choice = _choice(FULL)
    assert _choice(dict(parse_qsl(urlsplit(choice.address).query))) == choice
    assert choice.ranges == {"amount": (10.5, None), "score": (None, 0.9)}


def test_the_queue_is_told_what_it_can_choose_by_and_the_visitor_what_it_cannot() -> None:
    choice = _choice(FULL)
    assert dict(parse_qsl(urlsplit(choice.queue_address).query)) == {
        "from": "1994-01-02",
        "to": "1994-01-20",
        "kind": "score",
        "code": "amount",
        "district": "Ústí & Most",
        "least": "10.5",
    }
    assert choice.unknown_to_queue == ["score"]
    asked = AskedQueue.of_query(urlsplit(choice.queue_address).query, "ida")
    assert (asked.faults, asked.wanted.least_amount, asked.wanted.codes) == ((), Decimal("10.5"), ("amount",))


def test_each_part_of_a_choice_can_be_taken_back() -> None:
    choice = _choice(FULL)
    assert [words for words, _ in choice.chosen] == [
        *("kind: score", "code: amount", "district: Ústí & Most"),
        *("amount from 10.5", "score to 0.9"),
    ]
    without = {words: _choice(dict(parse_qsl(urlsplit(address).query))) for words, address in choice.chosen}
    assert without["kind: score"].kind == ""
    assert without["amount from 10.5"].ranges == {"score": (None, 0.9)}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"from": "yesterday"}, "from is 'yesterday': write a date as 1994-01-31"),
        ({"from": "1994-01-31", "to": "1994-01-30"}, "is after to"),
        ({"x": "account_id"}, "allowed are amount, usual_amount, score, hour, balance_share"),
        ({"by": "year"}, "allowed are night, month"),
        ({"kind": "late"}, "allowed are break, score"),
        ({"amount_from": "1,000"}, "write a number with a point"),
        ({"score_to": "nan"}, "write a number with a point"),
        ({"amount_to": "1e999"}, "write a number with a point"),
        ({"district": "x" * 81}, "district has 81 characters: at most 80 are allowed"),
    ],
)
def test_what_is_no_choice_is_told_with_what_is_allowed(given: dict[str, str], said: str) -> None:
    with pytest.raises(ChoiceError, match=said):
        _choice(given)


def test_only_who_sees_accounts_chooses_by_distance() -> None:
    assert _choice({"x": "distance"}, sees_accounts=True).x == "distance"
    with pytest.raises(ChoiceError, match="x is 'distance'"):
        _choice({"x": "distance"})
    assert _choice({"distance_from": "5"}).ranges == {}
