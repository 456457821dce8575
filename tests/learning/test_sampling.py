"""Who teaches, and how much of what is taught anybody may have."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.lake.tables import BREAKS_SCHEMA
from include.learning import sampling
from include.learning.profile import PROFILE_SCHEMA
from include.learning.sampling import (
    MOST_OF_A_COUNTERPARTY,
    MOST_OF_A_DAY,
    MOST_OF_AN_ACCOUNT,
    REFRESH_SCHEMA,
    WINDOW_NIGHTS,
    is_eligible,
    refresh_rows_of,
    weights,
    window_rows,
)
from tests.registry.conftest import FEATURES

NIGHT = date(1994, 1, 2)


def rows(accounts, counterparties=None, nights=None):
    """Feature rows, as far as sampling looks at them."""
    count = len(accounts)
    return pa.table(
        {
            "trans_id": pa.array(range(count), pa.int64()),
            "account_id": pa.array(accounts, pa.int64()),
            "counterparty": pa.array(counterparties or [None] * count, pa.string()),
            "settlement_date": pa.array(nights or [NIGHT] * count, pa.date32()),
        }
    )


def breaks(*found):
    """Breaks from (account, posting, severity)."""
    named = [{"account_id": a, "trans_id": t, "severity": s} for a, t, s in found]
    return pa.Table.from_pylist(named, schema=BREAKS_SCHEMA)


def none_flagged(count):
    return np.zeros(count, dtype=np.bool_)


def test_what_was_flagged_does_not_teach():
    flagged = np.array([False, True, False])
    assert is_eligible(rows([1, 2, 3]), flagged, breaks(), ()).tolist() == [True, False, True]


def test_a_posting_with_a_warning_does_not_teach_but_its_account_does():
    assert is_eligible(rows([1, 1, 2]), none_flagged(3), breaks((1, 0, "warn")), ()).tolist() == [False, True, True]


@pytest.mark.parametrize("posting", [0, None])
def test_an_account_with_an_error_does_not_teach_that_night(posting):
    found = is_eligible(rows([1, 1, 2]), none_flagged(3), breaks((1, posting, "error")), ())
    assert found.tolist() == [False, False, True]


def test_an_account_under_review_does_not_teach():
    assert is_eligible(rows([1, 1, 2]), none_flagged(3), breaks(), {2}).tolist() == [True, True, False]


def with_postings(count):
    """The small model's features, each row a posting of another account."""
    features = FEATURES.slice(0, count)
    for name, column in zip(rows([]).column_names, rows(list(range(count))).columns, strict=True):
        features = features.append_column(name, column)
    return features


def test_refresh_rows_profile_all_rows_and_hold_only_eligible_ones(model, monkeypatch):
    """Every exclusion at once, down to the rows that are stored; the bank is so large that nobody is capped."""
    monkeypatch.setattr(sampling, "window_rows", lambda _: 1e6)
    features, flagged = with_postings(200), np.arange(200) < 20
    baseline = refresh_rows_of(features, model, flagged, breaks((30, 30, "error"), (31, 31, "warn")), {32, 33})
    assert baseline.rows.schema == REFRESH_SCHEMA
    assert set(baseline.rows["model_base"].to_pylist()) == {model.version}
    others = np.isin(np.arange(200), [30, 31, 32, 33])
    expected = model.values(features)[~(flagged | others)].astype(np.float32)
    np.testing.assert_array_equal(np.array(baseline.rows["values"].to_pylist(), np.float32), expected)
    assert baseline.profile.schema == PROFILE_SCHEMA
    score = baseline.profile.filter(pa.array([name == "score" for name in baseline.profile["feature"].to_pylist()]))
    assert sum(score["rows"].to_pylist()) == 200


def test_of_a_large_bank_the_same_part_is_kept_whenever_it_is_drawn(model, monkeypatch):
    monkeypatch.setattr(sampling, "window_rows", lambda _: 1e6)
    monkeypatch.setattr(sampling, "kept_share", lambda _: 0.25)
    first, again = (refresh_rows_of(with_postings(400), model, none_flagged(400), breaks()).rows for _ in range(2))
    assert str(first.to_pylist()) == str(again.to_pylist())
    assert 60 < first.num_rows < 140


def test_whoever_is_over_his_share_is_kept_less_often(model):
    """The small model's months have 400 postings: one account's part of a night is a fraction of a posting."""
    features = with_postings(200)
    place = features.schema.get_field_index("account_id")
    features = features.set_column(place, "account_id", pa.array([7] * 200, pa.int64()))
    assert refresh_rows_of(features, model, none_flagged(200), breaks()).rows.num_rows <= 3


NIGHTS = 3
some_rows = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(["a", "b", None]), st.integers(0, NIGHTS - 1), st.booleans()),
    max_size=60,
)


@settings(max_examples=60)
@given(some_rows, st.floats(1, 400))
def test_nobody_has_more_than_his_share(found, window):
    accounts, others, numbers, teach = (list(column) for column in zip(*found, strict=True)) if found else ([],) * 4
    nights = [NIGHT + timedelta(days=number) for number in numbers]
    teaches = np.array(teach, dtype=np.bool_)
    weighed = weights(rows(accounts, others, nights), teaches, window)
    assert (weighed[~teaches] == 0).all()
    assert ((weighed >= 0) & (weighed <= 1)).all()
    a_night = NIGHTS / WINDOW_NIGHTS
    for column, share in (
        (accounts, MOST_OF_AN_ACCOUNT * a_night),
        (others, MOST_OF_A_COUNTERPARTY * a_night),
        (numbers, MOST_OF_A_DAY),
    ):
        for value in {known for known in column if known is not None}:
            assert weighed[[known == value for known in column]].sum() <= share * window * (1 + 1e-9)


def test_who_stays_within_his_share_weighs_whole():
    assert weights(rows([1, 2, 3], ["a", "b", "c"]), np.ones(3, np.bool_), 1e6).tolist() == [1, 1, 1]


def test_shares_are_of_the_rows_of_a_window(model):
    assert window_rows(model) == pytest.approx(400 * 92 / 31)


def test_a_day_on_which_the_whole_bank_acts_has_no_more_than_its_share():
    weighed = weights(rows(list(range(4000))), np.ones(4000, np.bool_), 1000)
    assert weighed.sum() == pytest.approx(MOST_OF_A_DAY * 1000)
