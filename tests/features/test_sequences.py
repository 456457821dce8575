"""Windows hold an account's own past, are the same for a night and a whole history, and never see the future."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.features import HABIT_DAYS, FeatureState, build_features, engine
from include.features.sequences import KINDS, STEP, STEP_FIELDS, WINDOW, build_sequences, kind_ids, window_matrix
from include.relations import BANK_BOOKED
from include.sql_engine import SqlEngine
from tests.features.real_bank import between, made

FIRST, LAST = date(1993, 1, 1), date(1994, 1, 31)
NIGHTS = (date(1993, 6, 30), date(1994, 1, 13), date(1994, 1, 31))
DAY = date(1994, 1, 31)


def described(transactions: pa.Table, last_night: date = LAST) -> pa.Table:
    """What `postings.sql` makes of transactions."""
    with SqlEngine.open("features", {"transactions": engine._posting_columns(transactions)}) as opened:
        return opened.table("postings", last_night=last_night, largest_balance_share=2, bank_booked=list(BANK_BOOKED))


def sequences(postings: pa.Table, first: date = FIRST, last: date = LAST, habit_days: int = HABIT_DAYS) -> pa.Table:
    return build_sequences(postings, first=first, last=last, habit_days=habit_days)


def last_window(*rows: dict[str, object]) -> tuple[np.ndarray, list[int]]:
    """Steps and trans_ids of the last posting of a bank made by hand."""
    table = sequences(described(made(*rows)), DAY, DAY)
    return window_matrix(table)[-1].reshape(WINDOW + 1, STEP), table["window_trans"][-1].as_py()


def values(steps: np.ndarray, field: str) -> list[float]:
    return steps[:, STEP_FIELDS.index(field)].tolist()


@pytest.fixture(scope="module")
def postings(history: pa.Table) -> pa.Table:
    return described(history)


@pytest.fixture(scope="module")
def whole(postings: pa.Table) -> pa.Table:
    return sequences(postings)


def test_rows_come_as_the_features_do(history, statics, whole):
    features = build_features(history, history.slice(0, 0), statics, FeatureState.empty())
    assert whole["trans_id"].to_pylist() == features["trans_id"].to_pylist()
    assert whole["trans_date"].to_pylist() == features["settlement_date"].to_pylist()


@pytest.mark.parametrize("night", NIGHTS)
def test_a_night_equals_its_share_of_the_whole_history(history, whole, night):
    seen = between(history, night - timedelta(days=HABIT_DAYS), night)
    assert sequences(described(seen), night, night).equals(between(whole, night, night).combine_chunks())


def test_rows_in_another_order_change_nothing(postings, whole):
    shuffled = postings.take(np.random.default_rng(7).permutation(postings.num_rows))
    assert sequences(shuffled).equals(whole)


def test_the_future_changes_nothing(postings, whole):
    night = NIGHTS[0]
    future = pc.greater(postings["trans_date"], pa.scalar(night))
    changed = postings
    for name, other in (("kind", "out:CCW:-"), ("log_amount", 1), ("counterparty", "XX/1"), ("amount_cents", 7)):
        column = pc.if_else(future, pa.scalar(other, postings[name].type), postings[name])
        changed = changed.set_column(changed.schema.get_field_index(name), name, column)
    assert sequences(changed, FIRST, night).equals(between(whole, FIRST, night).combine_chunks())


def test_a_window_holds_only_the_accounts_own_past(whole, postings):
    owner = dict(zip(postings["trans_id"].to_pylist(), postings["account_id"].to_pylist(), strict=True))
    sample = whole.slice(30_000, 300).to_pylist()
    for row in sample:
        assert {owner[trans] for trans in row["window_trans"] if trans >= 0} <= {row["account_id"]}
        assert row["trans_id"] not in row["window_trans"]


def test_a_step_says_what_was_booked():
    steps, trans = last_window(
        {"trans_date": DAY - timedelta(days=31), "operation": "ROB", "category": "HH", "other_account_id": 5},
        {"trans_date": DAY, "trans_type": "C", "operation": "CIC", "amount": Decimal("2.00")},
    )
    assert trans == [-1] * 15 + [1]
    assert np.all(steps[:15] == 0)
    assert [KINDS[int(kind) - 1] for kind in values(steps, "kind")[15:]] == ["out:ROB:HH", "in:CIC:-"]
    assert np.exp(values(steps, "log_amount")[15:]) == pytest.approx([10_000, 200], rel=1e-4)
    assert values(steps, "days_before")[15:] == [31, 0]
    assert values(steps, "counterparty")[15:] == [1, 0]
    assert values(steps, "day_of_month")[15:] == [31, 31]
    assert values(steps, "days_to_month_end")[15:] == [0, 0]


def test_counterparties_are_numbered_as_they_appear():
    partners = (9, None, 3, 9, 3, 4)
    rows = [
        {"trans_date": DAY - timedelta(days=6 - place), "other_account_id": partner}
        for place, partner in enumerate(partners)
    ]
    steps, _ = last_window(*rows, {"trans_date": DAY, "other_account_id": 3})
    assert values(steps, "counterparty")[-7:] == [1, 0, 2, 1, 2, 3, 2]


def test_only_the_newest_are_kept_and_none_beyond_the_look_back():
    days = [{"trans_date": DAY - timedelta(days=days)} for days in (HABIT_DAYS + 1, HABIT_DAYS, 3)]
    assert last_window(*days, {"trans_date": DAY})[1] == [-1] * 14 + [2, 3]
    many = [{"trans_date": DAY - timedelta(days=30 - place)} for place in range(20)]
    assert last_window(*many, {"trans_date": DAY})[1] == list(range(5, 21))


def test_a_day_is_ordered_by_hour_then_kind_then_amount():
    rows = [
        {"trans_date": DAY, "trans_time": time(18), "trans_type": "C", "operation": "CIC"},
        {"trans_date": DAY, "trans_time": time(9), "operation": "WIC"},
        {"trans_date": DAY, "operation": "WIC", "amount": Decimal("7.00")},
        {"trans_date": DAY, "operation": "WIC", "amount": Decimal("5.00")},
        {"trans_date": DAY, "operation": "CCW"},
    ]
    table = sequences(described(made(*rows)), DAY, DAY)
    windows = dict(zip(table["trans_id"].to_pylist(), table["window_trans"].to_pylist(), strict=True))
    assert [trans for trans in windows[1] if trans >= 0] == [5, 4, 3, 2]


def test_unknown_codes_count_as_none():
    known = kind_ids(pa.chunked_array([["in:-:-", "out:XXX:HH", "out:ROB:YY", "out:-:HH", "out:ROB:-"]]))
    assert known[0] == 1
    assert known[1] == known[3]
    assert known[2] == known[4]
    assert len(KINDS) == len(set(KINDS)) == 108


def test_no_postings_no_windows(postings):
    empty = sequences(postings.slice(0, 0))
    assert empty.num_rows == 0
    assert window_matrix(empty).shape == (0, (WINDOW + 1) * STEP)
    assert window_matrix(sequences(postings, date(2001, 1, 1), date(2001, 1, 2))).shape[0] == 0
