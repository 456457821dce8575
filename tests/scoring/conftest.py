"""The real bank, a model trained on 1993 and the features of January 1994."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from include.evaluation.bank_history import BankHistory
from include.features import FeatureState, build_features
from include.models.model import Model
from include.training import Recipe, TrainingOutcome, TrainingSpec, train
from tests.features import real_bank

START = date(1994, 1, 1)


@pytest.fixture(scope="session")
def history(pkdd: Path) -> pa.Table:
    return real_bank.postings(pkdd)


@pytest.fixture(scope="session")
def statics(pkdd: Path) -> dict[str, pa.Table]:
    return real_bank.statics(pkdd)


@pytest.fixture(scope="session")
def outcome(history: pa.Table, statics: dict[str, pa.Table]) -> TrainingOutcome:
    """The one training on all of 1993 that tests share."""
    recipe = Recipe.of("quick")
    spec = TrainingSpec(before=START, seed=20, budget=0.02, recipe=recipe)
    return train(BankHistory(history, statics, rounding_cents=10), spec)


@pytest.fixture(scope="session")
def model(outcome: TrainingOutcome) -> Model:
    assert outcome.model is not None
    return outcome.model


@pytest.fixture(scope="session")
def features(history: pa.Table, statics: dict[str, pa.Table]) -> pa.Table:
    """Of every night, 1993 included."""
    return build_features(history, history.slice(0, 0), statics, FeatureState.empty())
