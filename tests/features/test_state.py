"""The state moved in any steps equals the state built in one pass."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import MissingStateError
from include.features import FeatureState, advance_state, state_from_history
from tests.features.real_bank import between, made

FIRST = date(1993, 1, 1)

POSTINGS = st.lists(
    st.fixed_dictionaries(
        {
            "trans_date": st.integers(0, 9).map(lambda n: FIRST + timedelta(days=n)),
            "account_id": st.integers(1, 3),
            "operation": st.sampled_from(["WIC", "ROB", None]),
            "other_account_id": st.sampled_from([None, 0, 7, 8]),
            "amount": st.decimals(min_value=1, max_value=999, places=2),
        }
    ),
    max_size=30,
)


def equal(one: FeatureState, other: FeatureState) -> bool:
    return all(table.equals(other.tables()[name]) for name, table in one.tables().items())


@settings(max_examples=8, deadline=None)
@given(POSTINGS, st.integers(2, 5))
def test_any_steps_give_the_state_of_one_pass(rows, step):
    history = made(*rows)
    state = FeatureState.empty()
    for start in range(0, 10, step):
        first = FIRST + timedelta(days=start)
        share = between(history, first, first + timedelta(days=step - 1))
        state = advance_state(advance_state(state, share), share)  # a night given twice changes nothing
    assert equal(state, state_from_history(history))


def test_a_real_month_night_by_night(history):
    state = state_from_history(history, date(1994, 1, 1))
    for day in range(1, 32):
        state = advance_state(state, between(history, *[date(1994, 1, day)] * 2))
    assert equal(state, state_from_history(history))


def test_before_leaves_later_days_out(history):
    cut = date(1993, 7, 1)
    assert equal(state_from_history(history, cut), state_from_history(between(history, FIRST, cut - timedelta(days=1))))


def test_tables_survive_the_lake(history):
    state = state_from_history(history)
    stored = {
        name: table.append_column("run_key", pa.array(["r"] * table.num_rows)).slice(0)
        for name, table in state.tables().items()
    }
    reversed_rows = {name: table.take(list(range(table.num_rows))[::-1]) for name, table in stored.items()}
    assert equal(FeatureState.from_tables(reversed_rows), state)


def test_a_missing_table_is_named():
    tables = FeatureState.empty().tables()
    del tables["state_kinds"]
    with pytest.raises(MissingStateError, match="state_kinds"):
        FeatureState.from_tables(tables)


@pytest.mark.parametrize(("table", "column"), [("state_kinds", "first_seen"), ("state_accounts", "first_seen")])
def test_what_an_older_version_left_is_refused_with_the_way_out(table, column):
    tables = state_from_history(made({"trans_date": FIRST})).tables()
    position = tables[table].schema.get_field_index(column)
    unknown = tables[table].set_column(position, column, pa.nulls(1, pa.date32()))
    for left in (unknown, tables[table].drop_columns([column])):
        with pytest.raises(MissingStateError, match=rf"{table}.{column}: an older version left it; rebuild it"):
            FeatureState.from_tables({**tables, table: left})


def test_an_account_whose_people_never_decided_anything_is_known_enough():
    interest = {"trans_date": FIRST, "trans_type": "C", "operation": None, "category": "IC"}
    state = state_from_history(made(interest))
    assert state.state_accounts["last_decided"].to_pylist() == [None]
    assert equal(FeatureState.from_tables(state.tables()), state)


def test_what_is_kept_are_the_first_and_the_last():
    rent = {"operation": "ROB", "other_account_id": 7}
    days = [FIRST + timedelta(days=n) for n in (0, 5, 9)]
    fee = {"trans_date": FIRST + timedelta(days=20), "trans_type": "D", "category": "ST"}
    state = state_from_history(made(*[{"trans_date": day, **rent} for day in days], fee))
    assert state.state_accounts.to_pylist() == [{"account_id": 1, "first_seen": FIRST, "last_decided": days[-1]}]
    kinds = {row["kind"]: row for row in state.state_kinds.to_pylist()}
    assert (kinds["out:ROB:-"]["first_seen"], kinds["out:ROB:-"]["last_seen"]) == (FIRST, days[-1])
    assert state.state_counterparties["first_seen"].to_pylist() == [FIRST]
