"""The real bank with anomalies planted into three weeks, and a generated one that knows hours and places."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from demo.generate import build_bank
from include.evaluation.planting import Planted, PlantingPlan, plant, plantable_kinds
from tests.settlement.banks import Bank, real_bank

FIRST, LAST = date(1993, 12, 10), date(1993, 12, 31)
SEED = 5


@pytest.fixture(scope="session")
def real(pkdd: Path) -> Bank:
    return real_bank(pkdd)


@pytest.fixture(scope="session")
def plan(real: Bank) -> PlantingPlan:
    return PlantingPlan(FIRST, LAST, SEED, per_cell=2, kinds=plantable_kinds(real.postings))


@pytest.fixture(scope="session")
def planted(real: Bank, plan: PlantingPlan) -> Planted:
    return plant(real.postings, real.statics, plan, real.rounding_cents)


@pytest.fixture(scope="session")
def made_up() -> Bank:
    tables = build_bank(150, date(2023, 1, 1), date(2023, 10, 31), 7).tables
    statics = {name: table for name, table in tables.items() if name != "fin_transaction"}
    return Bank(tables["fin_transaction"], statics, 10)


@pytest.fixture(scope="session")
def made_up_plan(made_up: Bank) -> PlantingPlan:
    kinds = ("hour", "place", "travel")
    return PlantingPlan(date(2023, 10, 1), date(2023, 10, 31), SEED, per_cell=1, kinds=kinds)


@pytest.fixture(scope="session")
def made_up_planted(made_up: Bank, made_up_plan: PlantingPlan) -> Planted:
    return plant(made_up.postings, made_up.statics, made_up_plan, made_up.rounding_cents)
