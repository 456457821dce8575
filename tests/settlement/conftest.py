"""The real bank in both dialects, read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settlement.banks import Bank, real_bank


@pytest.fixture(scope="session")
def crowns(pkdd: Path) -> Bank:
    return real_bank(pkdd)


@pytest.fixture(scope="session")
def tenths(teradata: Path) -> Bank:
    return real_bank(teradata)
