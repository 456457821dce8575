"""A generated bank over its first Christmas: nothing is told of the season, and a drift in it is."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pytest

from demo.generate import build_bank
from include.evaluation.bank_history import BankHistory
from include.features import FeatureState, build_features
from include.models.model import Model
from include.models.rarity import Rarity
from include.monitoring.drift import Expected
from include.monitoring.profiles import Profiles
from include.relations import FIN_TRANSACTION
from include.training import Recipe, TrainingSpec, train
from tests.monitoring.nights import profiles, watched

FIRST, TRAINED, LAST = date(1993, 3, 1), date(1994, 9, 1), date(1995, 1, 31)
START = date(1994, 10, 10)


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return build_bank(250, FIRST, LAST, seed=5).tables


@pytest.fixture(scope="module")
def model(tables: dict[str, pa.Table]) -> Model:
    recipe = Recipe(detectors=(Rarity.name,), ensembles=(), rounds=0)
    history = BankHistory(tables[FIN_TRANSACTION.name], tables)
    outcome = train(history, TrainingSpec(before=TRAINED, seed=3, budget=0.02, recipe=recipe))
    assert outcome.model is not None
    return outcome.model


def features(tables: dict[str, pa.Table], postings: pa.Table) -> pa.Table:
    return build_features(postings, postings.slice(0, 0), tables, FeatureState.empty())


def test_month_ends_pay_days_and_christmas_raise_nothing_the_first_time_and_the_second(
    tables: dict[str, pa.Table], model: Model
) -> None:
    known = profiles(model, features(tables, tables[FIN_TRANSACTION.name]))
    months = {name: rows[-250:] for name, rows in known.counts.items()}
    assert watched(Profiles(LAST, months), date(1994, 9, 20), LAST, Expected.of(model)) == []
    assert watched(known, date(1994, 12, 5), LAST, Expected.of(model)) == []


def test_a_column_that_goes_missing_is_told_of_what_rests_on_it(tables: dict[str, pa.Table], model: Model) -> None:
    frame = tables[FIN_TRANSACTION.name].to_pandas()
    frame.loc[(frame["trans_date"] >= START) & (frame["trans_id"] % 3 == 0), "balance"] = None
    postings = pa.Table.from_pandas(frame, schema=tables[FIN_TRANSACTION.name].schema, preserve_index=False)
    known = profiles(model, features(tables, postings))
    told = watched(known, START - timedelta(days=7), START + timedelta(days=20), Expected.of(model))
    assert {row["feature"] for row in told} <= {"balance_low", "balance_share", "overdrawn", "stranger_share"}
    assert all("cannot be worked out" in row["text"] for row in told)
    assert told[0]["settlement_date"] - START < timedelta(days=14)
