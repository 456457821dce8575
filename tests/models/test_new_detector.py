"""A new detector is two files: its module, and its entry among the detectors."""

from __future__ import annotations

import ast
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from demo.generate import build_bank
from include.evaluation.bank_history import BankHistory
from include.features import FeatureState, build_features
from include.models import detectors
from include.models.detectors import DETECTORS
from include.models.model import Model
from include.registry import ModelRegistry
from include.scoring import score_night
from include.selection.candidates import candidates_of
from include.settings import PROJECT_ROOT, get_settings
from include.training import Recipe, TrainingOutcome, TrainingSpec, train
from tests.models.median_distance import MedianDistance

FIRST, BEFORE, LAST = date(2023, 1, 1), date(2023, 8, 1), date(2023, 8, 7)
NAME = MedianDistance.name


@pytest.fixture(scope="module", autouse=True)
def registered():
    """The entry that `include/models/detectors.py` would get."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DETECTORS, NAME, MedianDistance)
        yield


@pytest.fixture(scope="module")
def bank() -> BankHistory:
    tables = build_bank(120, FIRST, LAST, seed=5).tables
    return BankHistory(tables["fin_transaction"], tables, rounding_cents=10)


@pytest.fixture(scope="module")
def outcome(bank: BankHistory) -> TrainingOutcome:
    recipe = Recipe(
        detectors=("rarity", "contrast", NAME),
        ensembles=({"rarity": 1, NAME: 1},),
        rounds=1,
        settings={"contrast": {"trees": 5, "bins": 16}, NAME: {"power": 1.0}},
    )
    return train(bank, TrainingSpec(before=BEFORE, seed=1, budget=0.02, recipe=recipe, weights={"rarity": 1, NAME: 1}))


@pytest.fixture(scope="module")
def week(bank: BankHistory) -> pa.Table:
    features = build_features(bank.postings, bank.postings.slice(0, 0), bank.statics, FeatureState.empty())
    return features.filter(pc.greater_equal(features["settlement_date"], pa.scalar(BEFORE)))


def test_it_is_trained_in_an_ensemble_and_published_with_every_posting(outcome, week):
    model = outcome.model
    assert model.weights == {"rarity": 1, "contrast": 0, NAME: 1}
    scores = score_night(week, model)
    assert all(dict(row["detector_scores"]).keys() == {"rarity", "contrast", NAME} for row in scores.to_pylist())
    assert 0 <= pc.min(scores["score"]).as_py() < pc.max(scores["score"]).as_py() < 1


def test_it_is_kept_and_loaded_with_the_same_scores(outcome, week, tmp_path):
    registry = ModelRegistry.open(f"file:{tmp_path}", get_settings())
    loaded: Model = registry.load(registry.save(outcome.model))
    (member,) = (member for member in loaded.members if member.name == NAME)
    assert member.detector.parameters() == {"seed": 1, "power": 1.0}
    assert score_night(week, loaded).equals(score_night(week, outcome.model))


def test_every_training_and_selection_tries_it():
    assert NAME in Recipe().detectors
    assert {NAME: 1} in Recipe.of("quick").candidates()
    assert NAME in candidates_of("full")


def test_nothing_but_the_catalogue_names_a_detector():
    modules = {kind.__module__ for kind in DETECTORS.values()}
    own = {PROJECT_ROOT / f"{module.replace('.', '/')}.py" for module in (*modules, detectors.__name__)}
    others = set((PROJECT_ROOT / "include").rglob("*.py")) - own
    assert [path for path in sorted(others) if _imported(path) & modules] == []


def _imported(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
