"""The measure of whom an attacker singles out, held to small tables with answers by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from include.lake.tables import TABLES
from tests.benchmark.attacker import SingledOut, masked_postings, singled_out

FIRST, SECOND = date(1994, 1, 30), date(1994, 1, 31)

# (account, date, amount): 1 and 2 share an amount on a day, 3 has one of its own twice, 4 has one on two days.
POSTINGS: list[tuple[int, date, str]] = [
    (1, FIRST, "700.00"),
    (2, FIRST, "700.00"),
    (2, FIRST, "712.30"),
    (3, FIRST, "950.10"),
    (3, FIRST, "950.10"),
    (4, FIRST, "1200.00"),
    (4, SECOND, "700.00"),
    (5, FIRST, "1199.00"),
]


def _postings(rows: list[tuple[int, date, str]]) -> pa.Table:
    full: list[dict[str, Any]] = [
        {"trans_id": number, "account_id": account, "trans_date": day, "amount": Decimal(amount)}
        for number, (account, day, amount) in enumerate(rows)
    ]
    return pa.Table.from_pylist(full, schema=TABLES["fin_transaction"].schema)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        # All but 1, by all postings but the two of 700.00 on one day.
        (0, SingledOut(accounts=5, postings=8, found_accounts=4, found_postings=6)),
        # 712.30 becomes 700 and joins them; 950.10 becomes 1,000, still of 3 alone; 1,200 and 1,199 meet.
        (100, SingledOut(accounts=5, postings=8, found_accounts=2, found_postings=3)),
        # Everything of the first day is 1,000; 700.00 of the second day stays alone.
        (1000, SingledOut(accounts=5, postings=8, found_accounts=1, found_postings=1)),
    ],
)
def test_who_is_singled_out(step: int, expected: SingledOut) -> None:
    assert singled_out(masked_postings(_postings(POSTINGS), step)) == expected


def test_shares_are_of_all_accounts_and_postings() -> None:
    assert SingledOut(accounts=5, postings=8, found_accounts=4, found_postings=6).percentages == (80.0, 75.0)
