"""A small bank, a tiny recipe, and a selection on both that came to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from demo import generate_bank
from include.selection import candidate_worker, compare, prepare
from include.selection.fold_data import Cost, put_cost
from include.selection.plan import SelectionPlan, work_folder
from include.settings import get_settings
from include.training.recipe import Recipe

BEFORE, LATER, LAST = date(2023, 7, 1), date(2023, 8, 1), date(2023, 7, 31)
TINY = Recipe(
    detectors=("rarity", "contrast"),
    ensembles=({"contrast": 2, "rarity": 1},),
    rounds=1,
    settings={"contrast": {"trees": 10, "bins": 16}},
)
FAILED, SENTENCE = "contrast_without_surprises", "it was stopped after the 300 seconds it may take"


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key of these tests' own."""
    return tmp_path_factory.mktemp("keys") / "lake.key"


@contextmanager
def in_small(key: Path) -> Iterator[None]:
    """With that key; and whatever is fitted in this process is fitted in small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_KEY_FILE", str(key))
        patch.setattr(Recipe, "of", classmethod(lambda cls, training: TINY))
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@pytest.fixture(autouse=True, scope="module")
def tiny(key: Path) -> Iterator[None]:
    """For the tests of one file, and no longer: other rooms' tests run in the same process."""
    with in_small(key):
        yield


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    generate_bank(folder, 160, date(2022, 10, 1), LAST, 7)
    return folder


@dataclass(frozen=True)
class Selected:
    """A selection that ended: where, its plan, and what was said of it."""

    lake: str
    source: str
    plan: SelectionPlan
    found: dict[str, Any]


def try_here(lake: str, selection: str, *names: str) -> None:
    """Try candidates in this process, which is what their own would do."""
    folder = work_folder(lake, selection)
    plan = SelectionPlan.read(folder)
    for name in names:
        put_cost(folder, name, candidate_worker.run(folder, plan, plan.candidate(name)))


@pytest.fixture(scope="session")
def selected(bank: Path, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Selected:
    """Of three candidates one failed, and there was no champion."""
    lake, source = f"file:{tmp_path_factory.mktemp('lake')}", f"file:{bank}?rounding=0.1"
    with in_small(key):
        prepare(source, lake, BEFORE, "first", folds=2, rounds=2)
        folder = work_folder(lake, "first")
        plan = SelectionPlan.read(folder)
        try_here(lake, "first", "rarity", "contrast")
        put_cost(folder, FAILED, Cost(failure=SENTENCE))
        return Selected(lake, source, plan, compare(lake, source, "first"))
