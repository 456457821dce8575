"""One night and a whole history give the same features, and none of them sees the future."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.errors import ConservationError, SettingsError
from include.features import (
    HABIT_DAYS,
    FeatureState,
    absence_notes,
    build_features,
    reach_days,
    state_from_history,
)
from include.features.catalog import CONTEXT, MODEL_FEATURES, REASON_CODES, SURPRISES
from tests.features.real_bank import between, made

NIGHTS = (date(1993, 6, 30), date(1993, 12, 15), date(1994, 1, 13), date(1994, 1, 31))
DAY = date(1994, 1, 31)


@pytest.fixture(scope="module")
def bulk(history: pa.Table, statics: dict[str, pa.Table]) -> pa.Table:
    return build_features(history, history.slice(0, 0), statics, FeatureState.empty())


def night_features(history: pa.Table, statics: dict[str, pa.Table], night: date) -> pa.Table:
    lookback = between(history, night - timedelta(days=reach_days(HABIT_DAYS)), night - timedelta(days=1))
    return build_features(between(history, night, night), lookback, statics, state_from_history(history, night))


def of_night(features: pa.Table, night: date) -> pa.Table:
    return between(features, night, night, "settlement_date").combine_chunks()


def row(postings: pa.Table, earlier: pa.Table | None = None, **statics: pa.Table) -> dict[str, object]:
    """The first feature row of a bank made by hand."""
    past = postings.slice(0, 0) if earlier is None else earlier
    return build_features(postings, past, statics, state_from_history(past)).to_pylist()[0]


def test_every_posting_has_one_row(history, bulk):
    assert sorted(bulk["trans_id"].to_pylist()) == sorted(history["trans_id"].to_pylist())


@pytest.mark.parametrize("night", NIGHTS)
def test_a_night_equals_its_share_of_the_whole_history(history, statics, bulk, night):
    assert night_features(history, statics, night).equals(of_night(bulk, night))


@pytest.mark.parametrize("night", NIGHTS[:2])
def test_the_future_changes_nothing(history, statics, bulk, night):
    future = pc.greater(history["trans_date"], pa.scalar(night))
    amounts = pc.if_else(future, pa.scalar(Decimal("99999.00"), pa.decimal128(12, 2)), history["amount"])
    kinds = pc.if_else(future, pa.scalar("CCW"), history["operation"])
    others = pc.if_else(future, pc.add(history["account_id"], 1), history["account_id"])
    changed = history
    for name, column in (("amount", amounts), ("operation", kinds), ("account_id", others)):
        changed = changed.set_column(changed.schema.get_field_index(name), name, column)
    again = build_features(changed, changed.slice(0, 0), statics, FeatureState.empty())
    past = pc.less_equal(bulk["settlement_date"], pa.scalar(night))
    assert again.filter(past).equals(bulk.filter(past))


def test_lookback_dated_after_the_night_is_not_seen(history, statics, bulk):
    night = NIGHTS[1]
    state = state_from_history(history, night)
    everything_else = history.filter(pc.not_equal(history["trans_date"], pa.scalar(night)))
    seen = build_features(between(history, night, night), everything_else, statics, state)
    assert seen.equals(of_night(bulk, night))


def test_the_order_of_rows_changes_nothing(history, statics, bulk):
    shuffled = history.take(np.random.default_rng(3).permutation(history.num_rows))
    assert build_features(shuffled, history.slice(0, 0), statics, FeatureState.empty()).equals(bulk)


def test_a_row_sees_its_whole_night():
    alone = row(made({"trans_date": DAY}))
    busy = row(made({"trans_date": DAY}, {"trans_date": DAY}))
    assert (alone["day_postings"], busy["day_postings"]) == (1, 2)


def test_amount_is_held_against_the_same_kind_only():
    days = [DAY - timedelta(days=10 * n) for n in range(1, 9)]
    cash = [{"trans_date": day, "amount": Decimal("100.00")} for day in days]
    salary = [{"trans_date": day, "amount": Decimal("9000.00"), "trans_type": "C", "operation": "COB"} for day in days]
    found = row(made({"trans_date": DAY, "amount": Decimal("1000.00")}), made(*cash, *salary))
    assert found["usual_amount"] == pytest.approx(100)
    assert found["kind_postings"] == 8
    within = 5 * 0.1**2 / (8 + 5)  # no spread of its own: five postings' worth of a tenth stand in
    spread = np.sqrt(within + 1 / (1 / 0.1**2 + 8 / within))
    assert found["amount_z"] == pytest.approx(np.log(10) / spread, abs=1e-5)
    assert found["amount_to_largest"] == pytest.approx(np.log(10), abs=1e-6)


def test_counts_and_sums_of_day_and_week():
    earlier = made(*[{"trans_date": DAY - timedelta(days=n)} for n in (3, 20, 40, 60)])
    found = row(made({"trans_date": DAY}, {"trans_date": DAY}), earlier)
    assert (found["day_postings"], found["week_postings"]) == (2, 3)
    assert (found["day_paid"], found["week_paid"]) == (Decimal("200.00"), Decimal("300.00"))
    assert found["usual_day_paid"] == 100
    assert found["usual_week_postings"] == pytest.approx(7 * 3 / 54, abs=1e-6)  # three in the 60 - 6 days before
    assert found["day_spend"] == pytest.approx(np.log(200 / (600 / 5)), abs=1e-4)  # four paying days and this one


def test_what_the_bank_books_by_itself_is_nobodys_behaviour():
    fee = {"trans_date": DAY, "trans_type": "D", "operation": "WIC", "category": "ST", "amount": Decimal("14.60")}
    found = row(made(fee, {"trans_date": DAY}), made({"trans_date": DAY - timedelta(days=30)}))
    assert (found["day_postings"], found["day_count"], found["new_kind"]) == (1, 0, 0)


def test_novelty_of_counterparty_and_kind():
    past = [
        {"trans_date": DAY - timedelta(days=n), "trans_type": "D", "operation": "ROB", "other_account_id": 7}
        for n in (30, 60)
    ]
    transfer = {"trans_date": DAY, "trans_type": "D", "operation": "ROB"}
    earlier = made(*past)
    assert row(made({**transfer, "other_account_id": 7}), earlier)["new_counterparty"] == 0
    new = row(made({**transfer, "other_account_id": 8}), earlier)["new_counterparty"]
    assert new == pytest.approx(np.log(2), abs=1e-6)  # one of its two transfers, too, went to a new one
    card = row(made({"trans_date": DAY, "operation": "CCW"}), earlier)
    assert card["new_kind"] == pytest.approx(2 / 7 * np.log(4), abs=1e-6)  # none of one account took it up
    assert card["gap_days"] is None


def test_the_state_remembers_what_the_lookback_no_longer_holds():
    old = made({"trans_date": date(1993, 1, 1), "operation": "CCW", "amount": Decimal("500.00")})
    night = made({"trans_date": DAY, "operation": "CCW", "amount": Decimal("1000.00")})
    found = build_features(night, night.slice(0, 0), {}, state_from_history(old)).to_pylist()[0]
    assert (found["largest_amount"], found["gap_days"], found["new_kind"]) == (Decimal("500.00"), 395, 0)


def test_balance_before_and_after():
    paid = row(made({"trans_date": DAY}))
    assert (paid["balance_before"], paid["balance_after"]) == (Decimal("1000.00"), Decimal("900.00"))
    assert paid["balance_share"] == pytest.approx(0.1)
    received = row(made({"trans_date": DAY, "trans_type": "C", "operation": "CIC"}))
    assert (received["balance_before"], received["balance_share"]) == (Decimal("800.00"), 0)


def test_the_largest_balances_there_can_be_do_not_stop_a_night():
    last = Decimal("9999999999.99")
    paid = row(made(*[{"trans_date": DAY, "amount": last, "balance": last}] * 101))
    assert (paid["balance_before"], paid["day_paid"]) == (2 * last, 101 * last)
    received = row(made({"trans_date": DAY, "trans_type": "C", "amount": last, "balance": -last}))
    assert received["balance_before"] == -2 * last


def test_a_missing_balance_leaves_its_features_null():
    found = row(made({"trans_date": DAY, "balance": None}))
    assert {found[name] for name in ("balance_before", "balance_after", "balance_share", "overdrawn")} == {None}


def test_without_times_and_places_their_features_are_null():
    found = row(made({"trans_date": DAY}), made({"trans_date": DAY - timedelta(days=1)}))
    assert {found[name] for name in ("hour_rarity", "place_rarity", "distance", "travel")} == {None}


def test_a_night_without_postings_has_no_rows(history, statics, bulk):
    nothing = build_features(history.slice(0, 0), history, statics, FeatureState.empty())
    assert nothing.num_rows == 0
    assert nothing.schema == bulk.schema


def test_unknown_accounts_and_absent_relations_lose_no_row(history):
    night = between(history, *[NIGHTS[1]] * 2)
    found = build_features(night, night.slice(0, 0), {}, FeatureState.empty())
    assert found.num_rows == night.num_rows
    assert found["client_id"].null_count == found["amount_to_salary"].null_count == night.num_rows


def test_a_posting_that_would_be_lost_stops_the_night():
    with pytest.raises(ConservationError, match="3 postings gave 2 rows"):
        row(made({"trans_date": DAY}, {"trans_date": DAY}, {"trans_date": DAY, "account_id": None}))


def test_an_account_counts_from_its_opening(statics):
    opened = {"account_id": [1], "district_id": [1], "create_date": [DAY], "frequency": ["W"]}
    account = pa.table(opened)
    posting = {"trans_date": DAY}
    assert row(made(posting), fin_account=account)["frequency"] == "W"
    assert row(made({"trans_date": DAY - timedelta(days=1)}), fin_account=account)["frequency"] is None


def test_the_missions_list(bulk):
    described = bulk.filter(pc.equal(bulk["trans_id"], 433965)).to_pylist()[0]
    known = {
        "account_id": 1475,
        "client_id": 1788,
        "client_age": 43,
        "client_district_id": 1,
        "average_salary": 12541.0,
        "frequency": "W",
        "account_use": "salary",
        "balance_before": Decimal("17594.80"),
        "balance_after": Decimal("15494.80"),
    }
    assert {name: described[name] for name in known} == known


def test_account_use_comes_from_the_past_only():
    salary = {"trans_type": "C", "operation": "COB"}
    loan = {"trans_type": "D", "operation": "ROB", "category": "LO", "trans_date": DAY}
    earlier = made({**salary, "trans_date": DAY - timedelta(days=30)})
    assert row(made(loan), earlier)["account_use"] == "salary"


def test_every_model_feature_is_a_column_with_a_published_code(bulk):
    assert {feature.name for feature in MODEL_FEATURES} - set(SURPRISES) <= set(bulk.column_names)
    assert set(CONTEXT) <= set(bulk.column_names)
    assert {feature.code for feature in MODEL_FEATURES} < set(REASON_CODES)


def test_present_features_are_finite(bulk):
    for name in {feature.name for feature in MODEL_FEATURES} - set(SURPRISES):
        assert np.isfinite(pc.drop_null(bulk[name]).to_numpy()).all(), name


def test_absences_are_said(history, statics):
    assert absence_notes(statics, history) == ()
    notes = absence_notes({}, made({"trans_date": DAY}))
    assert any("fin_district" in note for note in notes)
    assert any("trans_time" in note for note in notes)


def test_too_short_habits_are_refused(history, statics):
    with pytest.raises(SettingsError, match="61"):
        build_features(history, history, statics, FeatureState.empty(), habit_days=7)
