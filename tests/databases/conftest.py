"""Debian's PostgreSQL and MariaDB with TLS, one of each for a test process, and the name by which they are reached."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from include.databases.terms import ServerTerms
from tests.conftest import require
from tests.databases.certificates import Authority
from tests.databases.servers import HOST, DebianPostgres, MariaDb, Server


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The authority that the servers' certificates are checked with."""
    return Authority()


@pytest.fixture(scope="session")
def terms(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> ServerTerms:
    """The terms of an installation that knows the authority and asks for nothing less than it may."""
    return ServerTerms(authorities=authority.write(tmp_path_factory.mktemp("authorities")))


@contextmanager
def _served(kind: type[Server], authority: Authority) -> Iterator[Server]:
    # Not in pytest's own folder, which it closes to other users: a server of root's runs as one.
    folder = Path(tempfile.mkdtemp(prefix="databases-"))
    if os.geteuid() == 0:
        shutil.chown(folder, kind.account)
    server = kind(folder, authority.issue(HOST, "localhost", "127.0.0.1"))
    with server.running():
        yield server
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def debian_postgres(authority: Authority) -> Iterator[DebianPostgres]:
    """A PostgreSQL that has TLS built in, as the pip package's has not."""
    if DebianPostgres.programs() is None:
        require("mariadb", "Debian's PostgreSQL is not installed: apt-get install postgresql")
    with _served(DebianPostgres, authority) as server:
        server.run("create role teller login password 'hunter2'")
        yield server


@pytest.fixture(scope="session")
def mariadb(authority: Authority) -> Iterator[MariaDb]:
    """A MariaDB."""
    if MariaDb.program() is None:
        require("mariadb", "MariaDB is not installed: apt-get install mariadb-server")
    with _served(MariaDb, authority) as server:
        server.run("create user teller identified by 'hunter2'")
        yield server


@pytest.fixture(params=["debian_postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    """Either server."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name that is no loopback address's, and leads to this machine in this process alone."""
    resolve = socket.getaddrinfo

    def here(host: Any, *arguments: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host == HOST else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")  # libpq asks no Python for a name
    return HOST
