"""The real bank, a cheap model trained on 1993 and the features of every night."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from include.features import FeatureState, build_features
from include.models.ensemble import Member
from include.models.model import Model
from include.scoring import train
from include.scoring.recipe import Recipe
from tests.features import real_bank

START = date(1994, 1, 1)
CHEAP = Recipe(
    ensembles=(),
    rounds=1,
    settings={
        "isolation_forest": {"trees": 10},
        "local_outlier_factor": {"neighbours": 5, "reference_rows": 300},
        "lstm": {"epochs": 1, "sample_rows": 3000, "hidden": 8},
        "contrast": {"trees": 8, "leaves": 4},
    },
)
"""Every detector, none of them good: what is tested is how they are used."""


@pytest.fixture(scope="session")
def history(pkdd: Path) -> pa.Table:
    return real_bank.postings(pkdd)


@pytest.fixture(scope="session")
def statics(pkdd: Path) -> dict[str, pa.Table]:
    return real_bank.statics(pkdd)


@pytest.fixture(scope="session")
def model(history: pa.Table, statics: dict[str, pa.Table]) -> Model:
    """A full ensemble: the sequence reader and all others have the same say."""
    trained = train(history, statics, before=START, seed=20, budget=0.02, recipe=CHEAP).model
    assert trained is not None
    return replace(trained, members=tuple(Member(m.detector, m.calibration, 1.0) for m in trained.members))


@pytest.fixture(scope="session")
def features(history: pa.Table, statics: dict[str, pa.Table]) -> pa.Table:
    """Of every night, 1993 included."""
    return build_features(history, history.slice(0, 0), statics, FeatureState.empty())
