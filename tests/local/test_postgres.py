"""The local server: starts, is joined, stops with the last who uses it, and gets over a kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from include.errors import SettingsError
from include.settings import PROJECT_ROOT
from local.postgres import LocalPostgres

JOIN = """
import sys
from local.postgres import LocalPostgres
server = LocalPostgres.start(sys.argv[1])
print("joined", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that root's server user can walk to, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="postgres-"))
    yield made
    shutil.rmtree(made)


def joined(folder: Path) -> subprocess.Popen[str]:
    """Another process that uses the folder's server until its input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", JOIN, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "joined\n"
    return process


def answer(uri: str) -> object:
    engine = sa.create_engine(uri, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return connection.exec_driver_sql("select current_database()").scalar_one()


def test_it_starts_holds_several_databases_for_both_drivers_and_keeps_them(folder):
    with LocalPostgres.start(folder) as server:
        assert server.create_database("bank") == f"postgresql+psycopg://postgres:@/bank?host={folder}"
        assert answer(server.create_database("bank")) == "bank"
        assert answer(server.create_database("air flow/2")) == "air flow/2"
        assert answer(server.uri("bank", "psycopg2")) == "bank"
        assert server.is_running
    assert not server.is_running
    with LocalPostgres.start(folder) as again:
        assert answer(again.uri("bank")) == "bank"


def test_the_last_to_leave_stops_it_also_after_a_kill(folder):
    first = joined(folder)
    with LocalPostgres.start(folder) as server:
        first.communicate("")
        assert server.is_running
        killed = joined(folder)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
    # The killed process never said that it left; who starts the folder next finds that out.
    with LocalPostgres.start(folder) as server:
        assert server.is_running
    assert not server.is_running


def test_a_lock_file_of_a_server_that_is_gone_does_not_hinder(folder):
    with LocalPostgres.start(folder):
        lock = (folder / "postmaster.pid").read_text().splitlines()
    # The number of some other process, as after a restart of a container.
    (folder / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lock[1:]]) + "\n")
    with LocalPostgres.start(folder) as server:
        assert answer(server.uri("postgres")) == "postgres"


def test_a_folder_its_start_script_cannot_take_is_refused(folder):
    with pytest.raises(SettingsError, match=r"characters \[' '\] in its path"):
        LocalPostgres.start(folder / "a b")


def test_a_folder_of_another_version_is_refused(folder):
    (folder / "PG_VERSION").write_text("16\n")
    with pytest.raises(SettingsError, match="another version"):
        LocalPostgres.start(folder)


def test_a_folder_whose_path_is_too_long_for_a_socket_works(folder):
    with LocalPostgres.start(folder / ("long" * 25)) as server:
        assert server.socket_folder != server.folder
        assert answer(server.uri("postgres")) == "postgres"
