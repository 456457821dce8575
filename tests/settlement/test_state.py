"""The state: equal however it came about, small, and the same after a round through its tables."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from include.settlement import STATE_SCHEMAS, SettlementState
from tests.settlement.banks import Bank

FIRST, LAST = date(1993, 1, 1), date(1994, 1, 31)


def damaged(bank: Bank, seed: int) -> Bank:
    """The real bank with a tenth of one account in four lost, some doubled, some without balance: all states come."""
    rng = random.Random(seed)
    rows = [r for r in bank.postings.to_pylist() if r["account_id"] % 4 == seed % 4 and rng.random() > 0.1]
    doubled = [{**r, "trans_id": 9_000_000 + n} for n, r in enumerate(rng.sample(rows, 200))]
    # Late in an account's life too: what matters is the last days before a state is built.
    bare = set(rng.sample(range(len(rows)), len(rows) // 10))
    kept = [{**r, "balance": None} if n in bare else r for n, r in enumerate(rows)]
    return bank.with_rows(kept + doubled)


@pytest.mark.parametrize("seed", range(3))
def test_moved_night_by_night_equals_built_in_one_pass(crowns: Bank, seed: int) -> None:
    bank = damaged(crowns, seed)
    rng = random.Random(seed)
    start = FIRST + timedelta(rng.randrange(60, 300))
    end = start + timedelta(20)
    for findings, night in zip(bank.nights(start, end), _days(start, end), strict=True):
        if rng.random() < 0.1 or night == end:
            assert findings.state == bank.state(night + timedelta(1))
            assert any(not closing.balances for closing in findings.state.chain.values())


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(n) for n in range((last - first).days + 1)]


def test_nights_without_postings_may_be_left_out(crowns: Bank) -> None:
    bank = damaged(crowns, 1)
    night = date(1993, 11, 10)
    quiet = bank.with_rows([r for r in bank.postings.to_pylist() if not 0 < (r["trans_date"] - night).days < 6])
    left_out = quiet.night(night + timedelta(6), quiet.state(night + timedelta(1))).state
    assert left_out == quiet.state(night + timedelta(7))


def test_survives_its_tables(crowns: Bank) -> None:
    state = crowns.state(date(1994, 2, 1))
    tables = state.tables()
    assert {name: table.schema for name, table in tables.items()} == STATE_SCHEMAS
    assert SettlementState.from_tables(tables) == state
    assert SettlementState.from_tables(SettlementState().tables()) == SettlementState()


def test_a_night_leaves_the_state_it_was_given_alone(crowns: Bank) -> None:
    state = crowns.state(LAST)
    before = state.copy()
    crowns.night(LAST, state)
    assert state == before


def test_a_copy_is_moved_without_touching_the_state_it_was_made_of(crowns: Bank) -> None:
    state, kept = crowns.state(LAST), crowns.state(LAST)
    copy = state.copy()
    assert copy == state
    for due in (*copy.loans.values(), *(order.due for order in copy.orders.values())):
        due.next_due, due.missed_in_row = None, 7
    for order in copy.orders.values():
        order.paid_cents = -1
    copy.chain.clear()
    copy.loan_days.clear()
    assert state == kept
