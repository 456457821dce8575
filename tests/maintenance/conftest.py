"""A lake of fourteen nights in two months, made once: each test gets it anew in the same place, as its paths are."""

from __future__ import annotations

import shutil

import pytest

from tests.lake.nights import open_lake
from tests.maintenance.lakes import lake_of_nights

collect_ignore = ["killed.py"]
"""Started as a program of its own."""


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maintenance")
    lake_of_nights(folder / "lake")
    shutil.copytree(folder / "lake", folder / "kept")
    return folder


@pytest.fixture
def folder(_made):
    shutil.rmtree(_made / "lake", ignore_errors=True)
    shutil.copytree(_made / "kept", _made / "lake")
    return _made / "lake"


@pytest.fixture
def lake(folder):
    return open_lake(folder)
