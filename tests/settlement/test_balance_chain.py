"""The balance chain on the real bank: silent where nothing is wrong, exact where a row is missing or bent."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from itertools import groupby
from typing import Any

import duckdb
import pytest

from include.settlement.balance_chain import account_days, settle_chains
from include.settlement.findings import Break
from include.settlement.state import SettlementState
from tests.settlement.banks import Bank, chained, posting, small_bank

Row = tuple[Any, ...]
_SQL = """
    select account_id, trans_date, trans_id, cast(if(trans_type = 'C', amount, -amount) * 100 as bigint),
        cast(balance * 100 as bigint), trans_type, operation, category, other_bank_id, other_account_id
    from postings order by all
"""
DATE, ID, AMOUNT, BALANCE = 1, 2, 3, 4


@pytest.fixture(scope="module")
def accounts(crowns: Bank) -> dict[int, list[Row]]:
    return rows_by_account(crowns)


def rows_by_account(bank: Bank) -> dict[int, list[Row]]:
    by_account = defaultdict(list)
    with duckdb.connect() as con:
        con.register("postings", bank.postings)
        for row in con.execute(_SQL).fetchall():
            by_account[row[0]].append(row)
    return dict(by_account)


def play(rows: list[Row], rounding_cents: int = 10, begun: date = date(1993, 1, 1)) -> list[tuple[date, Break]]:
    """One account through all its days."""
    state, opened = SettlementState(first_date=begun), {rows[0][0]: begun}
    found = []
    for day, group in groupby(sorted(rows, key=lambda r: r[1:3]), key=lambda r: r[DATE]):
        days = account_days(r[:1] + r[2:] for r in group)
        found += [(day, b) for b in settle_chains(day, days, opened, state, rounding_cents).breaks]
    return found


@pytest.mark.parametrize("dialect", ["crowns", "tenths"])
def test_no_break_on_thirteen_real_months(dialect: str, request: pytest.FixtureRequest) -> None:
    bank: Bank = request.getfixturevalue(dialect)
    begun = bank.postings["trans_date"].to_pylist()
    accounts = rows_by_account(bank)
    assert len(accounts) > 1_000
    assert [b for rows in accounts.values() for b in play(rows, bank.rounding_cents, min(begun))] == []


@pytest.mark.parametrize("seed", range(100))
def test_twenty_rows_removed_are_twenty_breaks(accounts: dict[int, list[Row]], seed: int) -> None:
    rng = random.Random(seed)
    inner = {k: [r for r in rows if r[DATE] < rows[-1][DATE]] for k, rows in accounts.items()}
    for account in rng.sample(sorted(k for k, rows in inner.items() if rows), 20):
        lost = rng.choice(inner[account])
        left = [r for r in accounts[account] if r is not lost]
        following = min(r[DATE] for r in left if r[DATE] > lost[DATE])
        found = play(left)
        assert len(found) == 1
        assert found[0][0] in (lost[DATE], following)


def _bent(column: int, change: Callable[[int], int]) -> Callable[[Row], Row]:
    return lambda row: (*row[:column], change(row[column]), *row[column + 1 :])


BENDS = {
    "decimal right": (_bent(AMOUNT, lambda a: a * 10), ("set", "amount")),
    "decimal left": (_bent(AMOUNT, lambda a: a // 10 if a % 100 == 0 else a * 100), ("set", "amount")),
    "sign": (lambda r: (*r[:3], -r[3], r[4], "D" if r[5] == "C" else "C", *r[6:]), ("set", "trans_type")),
    "negative": (_bent(AMOUNT, lambda a: -a), ("set", "amount")),
}


@pytest.mark.parametrize("bend", BENDS)
def test_a_bent_amount_breaks_its_own_day_once_and_is_put_right(accounts: dict[int, list[Row]], bend: str) -> None:
    change, wanted = BENDS[bend]
    rng, unexplained = random.Random(bend), 0
    for account in rng.sample(sorted(accounts), 150):
        right = rng.choice(accounts[account])
        found = play([change(r) if r is right else r for r in accounts[account]])
        assert [day for day, _ in found] == [right[DATE]]
        correction = found[0][1].correction
        if correction is None:
            unexplained += 1  # a second change would close the day as well, so none is proposed
            continue
        assert (correction.action, correction.field) == wanted
        assert correction.trans_id == right[ID]
        if wanted[1] == "amount":
            assert correction.value == f"{abs(right[AMOUNT]) / 100:.2f}"
    assert unexplained <= 3


def test_a_posting_booked_twice_is_proposed_for_deletion(accounts: dict[int, list[Row]]) -> None:
    rng = random.Random(5)
    right = 0
    for account in rng.sample(sorted(accounts), 150):
        row = rng.choice(accounts[account])
        found = play([*accounts[account], (*row[:2], 9_000_000, *row[3:])])
        assert [day for day, _ in found] == [row[DATE]]
        correction = found[0][1].correction
        assert correction is None or (correction.action, correction.trans_id) == ("delete", 9_000_000)
        right += correction is not None
    assert right >= 145  # the others hold a real pair beside the double: two explanations, so none is proposed


def test_a_missing_posting_is_named_with_its_amount(accounts: dict[int, list[Row]]) -> None:
    rows = next(rows for rows in accounts.values() if len(rows) > 40)
    lost = rows[20]
    ((_, found),) = play([r for r in rows if r is not lost])
    assert found.correction is not None
    assert found.correction.action == "insert"
    assert found.correction.value == f"{lost[AMOUNT] / 100:.2f}"


MAY = [date(1994, 5, day) for day in range(1, 32)]


def test_break_says_expected_actual_and_difference() -> None:
    rows = chained([(MAY[0], "1000.00", {}), (MAY[1], "-200.00", {}), (MAY[2], "2500.00", {})])
    ((row),) = small_bank([rows[0], rows[2]]).breaks(MAY[0], MAY[2])
    assert (row["check_code"], row["account_id"], row["trans_id"]) == ("balance_chain", 1, 3)
    assert (str(row["expected"]), str(row["actual"]), str(row["difference"])) == ("3500.00", "3300.00", "-200.00")
    assert row["text"] == (
        "Account 1: the 1 posting of 1994-05-03 cannot be put into an order that chains from the closing balance of "
        "1994-05-01, 1,000.00. Posting 3 of 2,500.00 should have left 3,500.00 but left 3,300.00, a difference of "
        "-200.00. A debit of 200.00 that is not among the postings would close the day."
    )
    assert row["correction"] == {"action": "insert", "trans_id": None, "field": "amount", "value": "-200.00"}


@pytest.mark.parametrize(("created", "count"), [(date(1994, 5, 1), 1), (date(1994, 4, 30), 0)])
def test_only_an_account_opened_within_the_source_starts_at_zero(created: date, count: int) -> None:
    account = {"account_id": 1, "create_date": created}
    bank = small_bank([posting(1, MAY[0], "100.00", "100.00", 2), posting(2, MAY[4], "50.00", "80.00")])
    other = {"account_id": 2, "create_date": MAY[0]}
    bank = small_bank(bank.postings.to_pylist(), fin_account=[account, other])
    assert len(bank.breaks(MAY[0], MAY[4], "balance_chain")) == count


def test_a_missing_standing_order_is_called_by_its_name() -> None:
    order = {"order_id": 7, "account_id": 1, "bank_to": "YZ", "account_to": 42, "amount": 300, "category": "HH"}
    paid = {"operation": "ROB", "other_bank_id": "YZ", "other_account_id": 42}
    months = [date(1994, month, 10) for month in (3, 4, 5)]
    rows = chained([(date(1994, 3, 1), "5000", {}), *[(d, "-300", paid) for d in months], (MAY[10], "20", {})])
    bank = small_bank([r for r in rows if r["trans_id"] != 4], fin_order=[order])
    (row,) = bank.breaks(MAY[0], MAY[11], "balance_chain")
    assert row["text"].endswith("It equals standing order 7 to account 42 at bank YZ, which is due.")
