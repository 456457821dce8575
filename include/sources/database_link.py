"""The way into a database: its address, one read-only snapshot of it, and what its errors mean for the night."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.pool import NullPool

from include.errors import SettingsError, SourceError, SourceUnavailableError

_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}
# A reachable server answers within a second; libpq itself would wait for minutes.
_CONNECT_SECONDS = 10
# A table that is being altered is locked; a night waits for it as long as a short deployment takes, then tries again.
_LOCK_TIMEOUT = "60s"
# One snapshot per extract, and a server that refuses to write for us.
_SNAPSHOT_OPTIONS = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    "mysql": {"isolation_level": "REPEATABLE READ"},
}
# Seen on PostgreSQL 18: a refused login carries no SQLSTATE, only the server's words.
_REFUSED_FOR_GOOD = re.compile(
    r"password authentication failed|no password supplied|no pg_hba\.conf entry|does not exist|unable to open"
)
# Authentication, unknown database, missing rights or objects, data that cannot be cast.
_TERMINAL_STATES = ("28", "3D", "42", "22")
# MySQL: access denied to database or user, unknown database, no right on a table.
_TERMINAL_NUMBERS = (1044, 1045, 1049, 1142)


def parse_url(uri: str) -> URL:
    """The parts of a database's address, with the driver the environment holds where it names none.

    Raises
    ------
    SettingsError
        When it is no address of a database, or its driver is not installed. The address is never shown.
    """
    try:
        url = make_url(uri)
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        url.get_dialect().import_dbapi()
    except (exc.ArgumentError, ValueError):
        raise SettingsError(
            "the database's address cannot be read: write postgresql+psycopg://user:password@host:5432/bank, "
            "mysql+pymysql://user:password@host/bank or sqlite:////folder/bank.db; percent-encode @ : / % in a password"
        ) from None
    except (exc.NoSuchModuleError, ImportError) as error:
        raise SettingsError(
            f"there is no driver for this database's address ({error}): use postgresql+psycopg:, mysql+pymysql: or "
            "sqlite:"
        ) from None
    return url


def public_uri(url: URL) -> str:
    """The address without user, password, driver and parameters.

    >>> public_uri(make_url("postgresql+psycopg://me:secret@db.bank:5433/core?sslmode=require"))
    'postgresql://db.bank:5433/core'
    """
    backend = url.get_backend_name()
    if backend == "sqlite":
        return f"sqlite:///{Path(url.database or '').resolve()}"
    port = f":{url.port}" if url.port else ""
    return f"{backend}://{url.host or ''}{port}/{url.database or ''}"


def connect(url: URL) -> Connection:
    """A connection in a transaction that sees one moment and cannot write.

    Raises
    ------
    SourceError
        When trying again cannot help: a wrong password, a database that does not exist.
    SourceUnavailableError
        When the server cannot be reached or refuses.
    """
    if url.get_backend_name() == "sqlite":
        _require_file(url)
    with reported(url):
        connection = _engine(url).connect()
        connection.begin()
        if url.get_backend_name() == "postgresql":
            _prepare_postgres(connection)
    return connection


def close(connection: Connection) -> None:
    """End the transaction and the connection, alive or not."""
    with suppress(exc.DBAPIError):
        connection.close()


def _engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    remote = backend != "sqlite"
    engine = sa.create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"connect_timeout": _CONNECT_SECONDS} if remote and "connect_timeout" not in url.query else {},
        execution_options=_SNAPSHOT_OPTIONS.get(backend, {}),
    )
    if not remote:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("begin"))
    return engine


def _require_file(url: URL) -> None:
    """SQLite would create an empty database instead of saying that there is none."""
    if not Path(url.database or "").is_file():
        raise SourceError(f"there is no SQLite database at {public_uri(url)}: name an existing file")


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin a transaction at a write only
    connection.execute("pragma query_only = on")
    connection.create_function("record_number", 1, _record_number, deterministic=True)


def _record_number(text: str) -> int:
    """What the servers make of an MD5's first ten digits; see `record_number` of the values module."""
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:10], 16)


def _prepare_postgres(connection: Connection) -> None:
    """Dates as YYYY-MM-DD whatever the server prefers; no endless waiting unless the address asks for it."""
    connection.execute(sa.select(sa.func.set_config("DateStyle", "ISO, YMD", True)))
    unlimited = sa.func.current_setting("lock_timeout") == "0"
    connection.execute(sa.select(sa.func.set_config("lock_timeout", _LOCK_TIMEOUT, True)).where(unlimited))


@contextmanager
def reported(url: URL) -> Iterator[None]:
    """Turn a database's errors into the night's: what failed, where, and whether trying again can help."""
    try:
        yield
    except exc.DBAPIError as error:
        words = _words(error, url)
        if _is_terminal(error):
            raise SourceError(
                f"{public_uri(url)} cannot be read ({words}): mend the address, the password or this user's rights"
            ) from None
        raise SourceUnavailableError(
            f"{public_uri(url)} is not available ({words}): nothing of the extract was kept, try again"
        ) from None


def _words(error: exc.DBAPIError, url: URL) -> str:
    """The driver's message on one line, without the statement and, should it be in there, without the password."""
    words = " ".join(str(error.orig).split())
    return words.replace(str(url.password), "***") if url.password else words


def _is_terminal(error: exc.DBAPIError) -> bool:
    original: Any = error.orig
    state = getattr(original, "sqlstate", None)
    if state:
        return str(state).startswith(_TERMINAL_STATES)
    if original.args and original.args[0] in _TERMINAL_NUMBERS:
        return True
    passing = isinstance(error, exc.OperationalError | exc.InterfaceError) or error.connection_invalidated
    return not passing or bool(_REFUSED_FOR_GOOD.search(str(original)))
