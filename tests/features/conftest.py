"""The real bank, read once a session."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tests.features import real_bank


@pytest.fixture(scope="session")
def history(pkdd: Path) -> pa.Table:
    return real_bank.with_times_and_places(real_bank.postings(pkdd))


@pytest.fixture(scope="session")
def statics(pkdd: Path) -> dict[str, pa.Table]:
    return real_bank.statics(pkdd)
