"""Whatever a history looks like, training gives a model or a sentence why there is none."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.evaluation.bank_history import BankHistory
from include.relations import FIN_TRANSACTION
from include.training import TrainingOutcome, TrainingSpec, train
from tests.training.test_train import TINY

NIGHT = date(2024, 6, 30)

Stretch = tuple[int, int, int]
"""Days before the night that it begins, its days, and postings a day."""


def history(stretches: list[Stretch], accounts: int) -> pa.Table:
    """Cash in and out, drawn once for all; on days that fall together there is more of it."""
    rng = np.random.default_rng(7)
    days = [
        NIGHT - timedelta(days=before) + timedelta(days=n)
        for before, length, daily in stretches
        for n in range(length)
        for _ in range(daily)
    ]
    amounts = [Decimal(int(cents)) / 100 for cents in rng.integers(1_000, 100_000, len(days))]
    columns = {
        "trans_id": pa.array(range(1, len(days) + 1), pa.int64()),
        "account_id": pa.array(rng.integers(1, accounts + 1, len(days)), pa.int64()),
        "trans_date": pa.array(days, pa.date32()),
        "amount": pa.array(amounts, pa.decimal128(12, 2)),
        "balance": pa.array([Decimal(1000)] * len(days), pa.decimal128(12, 2)),
        "trans_type": pa.array(["C" if cents > 500 else "D" for cents in amounts]),
        "operation": pa.array(["CIC" if cents > 500 else "WIC" for cents in amounts]),
    }
    schema = FIN_TRANSACTION.schema
    return pa.table({field.name: columns.get(field.name, pa.nulls(len(days), field.type)) for field in schema}, schema)


def trained(stretches: list[Stretch], accounts: int = 20) -> TrainingOutcome:
    past = BankHistory(history(stretches, accounts), {})
    return train(past, TrainingSpec(before=NIGHT, seed=1, budget=0.02, recipe=TINY))


@pytest.mark.parametrize(
    ("stretches", "accounts", "words"),
    [
        ([], 1, "0 days of history lie before 2024-06-30, 92 are needed"),
        ([(-1, 300, 9)], 20, "0 days of history"),
        ([(1, 1, 2000)], 20, "1 days of history"),
        ([(400, 1, 2000)], 20, "0 postings of the 731 days before"),
        ([(361, 300, 9)], 20, "0 postings lie between 2024-04-30 and 2024-06-30, 50 are needed"),
        ([(360, 300, 9)], 20, "9 postings lie between"),
        ([(1031, 300, 9)], 20, "0 postings of the 731 days before"),
        ([(11_250, 300, 9)], 20, "0 postings of the 731 days before"),
        ([(360, 1, 1), (200, 1, 1), (10, 10, 150)], 20, "1 postings before 2024-04-30 can be learned from, 200"),
    ],
    ids=[
        "empty",
        "only the future",
        "one day",
        "one day long ago",
        "silent for 61 days",
        "silent for 60 days",
        "silent for two years",
        "silent for thirty years",
        "a burst after a hole",
    ],
)
def test_a_history_that_cannot_teach_says_why(stretches: list[Stretch], accounts: int, words: str) -> None:
    outcome = trained(stretches, accounts)
    assert outcome.model is None
    assert outcome.note.startswith("scores are skipped: ")
    assert words in outcome.note


@pytest.mark.parametrize(
    ("stretches", "accounts"),
    [([(160, 160, 11)], 1), ([(300, 90, 13), (20, 20, 40)], 9)],
    ids=["one account", "a hole where planted anomalies would teach"],
)
def test_an_odd_history_that_suffices_gives_a_model(stretches: list[Stretch], accounts: int) -> None:
    assert trained(stretches, accounts).model is not None


ANY_TIME = st.tuples(st.integers(-20, 12_000), st.integers(1, 60), st.sampled_from([1, 5, 40]))
LATELY = st.tuples(st.integers(1, 250), st.integers(1, 60), st.sampled_from([1, 5, 20]))


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(ANY_TIME, LATELY), max_size=4), st.sampled_from([1, 2, 30]))
def test_no_history_ends_a_training_in_an_error(stretches: list[Stretch], accounts: int) -> None:
    outcome = trained(stretches, accounts)
    assert outcome.note
    assert (outcome.model is None) == outcome.note.startswith("scores are skipped")
