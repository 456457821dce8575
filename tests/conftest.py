"""Fixtures every room's tests share: the real relations, where they lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REAL_DATA = Path(os.environ.get("ADS_REAL_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))


def _real_folder(dialect: str) -> Path:
    folder = REAL_DATA / dialect
    if not folder.is_dir():
        pytest.fail(f"no real data at {folder}: set ADS_REAL_DATA to the folder that holds pkdd/ and teradata/")
    return folder


@pytest.fixture(scope="session")
def pkdd() -> Path:
    """The folder of the original .asc files."""
    return _real_folder("pkdd")


@pytest.fixture(scope="session")
def teradata() -> Path:
    """The folder of the derived .tsv files."""
    return _real_folder("teradata")
