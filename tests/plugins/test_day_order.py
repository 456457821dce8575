"""Postings of one day stand in the order in which their balances chain."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from plugins.settlement_console.day_order import MOST_ORDERED, in_order
from plugins.settlement_console.records import Row

DAY = date(1994, 1, 17)


def posting(number: int, amount: int, balance: int | None, day: date = DAY) -> dict[str, Any]:
    return {
        "settlement_date": day,
        "trans_id": number,
        "trans_type": "C" if amount > 0 else "D",
        "amount": Decimal(abs(amount)),
        "balance": None if balance is None else Decimal(balance),
    }


def numbers(rows: Sequence[Row]) -> list[int]:
    return [row["trans_id"] for row in in_order(rows)]


def gaps(rows: Sequence[Row]) -> int:
    """Number of postings that do not start from the balance that the one before left."""
    starts = [row["balance"] - (row["amount"] if row["trans_type"] == "C" else -row["amount"]) for row in rows]
    return sum(start != before["balance"] for before, start in zip(rows, starts[1:], strict=False))


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("known", [[], [posting(-1, 7, 7, DAY - timedelta(1))]], ids=["opening unknown", "known"])
def test_days_that_chain_are_shown_without_a_gap(seed: int, known: list[Row]) -> None:
    drawn, balance, rows = random.Random(seed), 7, []
    for _ in range(8):
        amount = drawn.choice((-3, -2, -1, 1, 2, 3))  # so few that the day meets a balance again and again
        balance += amount
        rows.append(posting(0, amount, balance))
    drawn.shuffle(rows)
    shown = in_order([*({**row, "trans_id": number} for number, row in enumerate(rows)), *known])
    assert {row["trans_id"] for row in shown} == {*range(8), *(row["trans_id"] for row in known)}
    assert gaps(shown) == 0


def test_a_day_that_does_not_chain_has_one_gap_at_the_balance_that_is_wrong() -> None:
    before = posting(9, 10, 100, DAY - timedelta(1))
    wrong = posting(1, -5, 104)  # 105 would be right, from which the third posting starts
    assert numbers([posting(3, 1, 106), wrong, posting(2, 10, 110), before]) == [9, 2, 1, 3]


def test_where_nothing_tells_the_order_it_is_that_of_the_numbers() -> None:
    assert numbers([posting(2, 10, 10), posting(1, 10, None)]) == [1, 2]
    doubled = [posting(number, 10, 110) for number in (2, 1)]
    assert numbers(doubled) == [1, 2]
    many = [posting(number, 1, MOST_ORDERED + 1 - number) for number in range(MOST_ORDERED + 1)]
    assert numbers(many) == [*range(MOST_ORDERED + 1)]
