"""The queue's filter: what an address asks for, and what is said of values that ask for nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from include.cases.searches import NamedSearch
from include.cases.terms import UNFINISHED, CaseState
from include.cases.views import QueueFilter
from plugins.settlement_console.queue.filters import FIELDS, MINE, AskedQueue, query_of

EVERYTHING = QueueFilter(
    first_night=date(1994, 1, 1),
    last_night=date(1994, 1, 31),
    codes=("fee_amount",),
    kinds=("break",),
    least_amount=Decimal("12.50"),
    most_amount=Decimal(1000),
    district="Hradec Králové & okolí",
    states=(CaseState.CLOSED,),
    holder="ida",
)
TOKEN, COLLEAGUE = "0f" * 16, "1e" * 16


def test_a_filter_survives_its_address() -> None:
    asked = AskedQueue.of_query(query_of(EVERYTHING, MINE), "ida")
    assert asked.faults == ()
    assert asked.wanted == EVERYTHING
    assert AskedQueue.of_query(asked.query, "ida").wanted == EVERYTHING


def test_without_a_filter_the_queue_shows_what_nobody_finished() -> None:
    asked = AskedQueue.of_query("", "ida")
    assert (asked.wanted, asked.query) == (QueueFilter(), "")
    assert asked.wanted.states == UNFINISHED


def test_no_address_holds_an_account_or_a_posting() -> None:
    named = QueueFilter(account=4711, posting=99, search="4711", states=())
    assert query_of(named) == ""
    assert AskedQueue.of_query("account=4711&search=99&number=4711&posting=99", "ida").query == ""
    assert not {"account", "posting", "search", "number", "trans_id"} & {*FIELDS}


def test_a_search_that_is_kept_goes_with_the_other_fields() -> None:
    query = f"code=amount&find={TOKEN}"
    asked = AskedQueue.of_query(query, "ida", search={TOKEN: NamedSearch(4711, 99)}.get)
    assert (asked.wanted.account, asked.wanted.posting, asked.wanted.codes) == (4711, 99, ("amount",))
    assert (asked.one("account"), asked.one("posting"), asked.query) == ("4711", "99", query)
    over = AskedQueue.of_query(query, "ida")
    assert over.faults[0].startswith("the search by a number is over a day old")


def test_a_form_holds_numbers_that_its_address_does_not() -> None:
    sent = [("account", " 4711 "), ("code", "amount"), ("find", TOKEN), ("csrf_token", "x")]
    asked = AskedQueue.of_form(sent, "ida")
    assert (asked.one("account"), asked.query, asked.faults) == ("4711", "code=amount", ())
    wrong = AskedQueue.of_form([("posting", "47 11"), ("account", "9" * 19)], "ida")
    assert [fault[:10] for fault in wrong.faults] == ["posting is", "account is"]


def test_a_colleague_is_named_by_pseudonym() -> None:
    asked = AskedQueue.of_query(f"whose={COLLEAGUE}", "ida", holder={COLLEAGUE: "bob"}.__getitem__)
    assert (asked.wanted.holder, asked.wanted.is_free) == ("bob", False)
    assert AskedQueue.of_query("whose=nobody", "ida").wanted == QueueFilter(is_free=True)
    assert QueueFilter.of_dict(QueueFilter(is_free=True, posting=5).as_dict()) == QueueFilter(is_free=True, posting=5)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=1994-02-30", "from is 1994-02-30, which is no date: write year-month-day, such as 1994-01-31"),
        ("to=yesterday", "to is yesterday, which is no date"),
        ("from=1994-02-01&to=1994-01-01", "from (1994-02-01) lies after to (1994-01-01)"),
        ("least=much", "least is much, which is no amount: write a number from 0 on"),
        ("least=-1", "least is -1, which is no amount"),
        ("most=NaN", "most is NaN, which is no amount"),
        ("most=1e99", "most is 1e99, which is no amount"),
        ("least=2&most=1", "least (2) lies after most (1)"),
        ("kind=theft", "kind is theft: write one of break, score"),
        ("code=theft", "code is theft: write one of balance_chain"),
        ("state=gone", "state is gone: write one of open, in_review, waiting, closed"),
        ("whose=eva", "whose is eva: write mine, nobody, or choose a colleague"),
        (f"district={'x' * 81}", "district has 81 characters: write 80 at most"),
        ("&".join(["code=amount"] * 21), "code is more values than a filter has"),
    ],
)
def test_a_value_that_asks_for_nothing_is_told(query: str, said: str) -> None:
    asked = AskedQueue.of_query(query, "ida")
    assert any(fault.startswith(said) for fault in asked.faults), asked.faults
    assert asked.wanted == QueueFilter()


def test_amounts_are_taken_as_people_write_them() -> None:
    wanted = AskedQueue.of_query("least=1,000.50&most=2 000 000", "ida").wanted
    assert (wanted.least_amount, wanted.most_amount) == (Decimal("1000.50"), Decimal(2_000_000))
