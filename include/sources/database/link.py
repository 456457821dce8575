"""Connects to a database: one read-only snapshot, and translation of its errors into the night's errors."""

from __future__ import annotations

import hashlib
import math
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import NullPool

from include.errors import SourceError, SourceUnavailableError
from include.sources.database.address import public_uri
from include.sources.database.patience import Patience
from include.sources.database.texts import is_utf8, text_of

# A reachable server answers within a second; libpq itself would wait for minutes.
_CONNECT_SECONDS = 10
# A table that is being altered is locked; a night waits for it as long as a short deployment takes, then tries again.
_LOCK_TIMEOUT = "60s"
# No field of a bank's record comes near; without a bound one value of gigabytes takes the memory of the night.
_LONGEST_VALUE = 16 * 2**20
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
_DATA_STATE = "22"
_QUOTED = re.compile(r'".*"')
# SQLite's own words.
_TOO_LONG = re.compile(r"string or blob too big")
_TOO_SCATTERED = re.compile(r"too many SQL variables|Expression tree is too large")
# MySQL: a zone that the server's own tables lack.
_UNKNOWN_ZONE = 1298
# MySQL: access denied to database or user, unknown database, no right on a table.
_TERMINAL_NUMBERS = (1044, 1045, 1049, 1142, _UNKNOWN_ZONE)


def connect(url: URL, patience: Patience) -> Connection:
    """A connection in a transaction that sees one moment and cannot write, watched by `patience`.

    Raises
    ------
    SourceError
        When trying again cannot help: a wrong password, a database that does not exist.
    SourceUnavailableError
        When the server cannot be reached or refuses.
    """
    if url.get_backend_name() == "sqlite":
        _require_file(url)
    with reported(url), patience.limit(), _known_host():
        connection = _engine(url, patience).connect()
        connection.begin()
        if url.get_backend_name() == "postgresql":
            _prepare_postgres(connection, patience.seconds)
    return connection


def close(connection: Connection, patience: Patience) -> None:
    """End the transaction and the connection, alive or not."""
    with suppress(exc.DBAPIError, SourceUnavailableError), patience.limit():
        connection.close()


def _engine(url: URL, patience: Patience) -> Engine:
    backend = url.get_backend_name()
    engine = sa.create_engine(
        _read_only_file(url) if backend == "sqlite" else url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args=_connect_arguments(url, patience.seconds),
        execution_options=_SNAPSHOT_OPTIONS.get(backend, {}),
    )
    # Before the first statement, which SQLAlchemy sends by itself.
    event.listen(engine, "connect", lambda driver, _: patience.watch(driver), insert=True)
    if backend == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("begin"))
    return engine


def _connect_arguments(url: URL, seconds: float) -> dict[str, Any]:
    """The driver's arguments beside the address; limits in the address take precedence."""
    limits = {"postgresql": ("connect_timeout",), "mysql": ("connect_timeout", "read_timeout", "write_timeout")}
    backend = url.get_backend_name()
    told = {
        name: _CONNECT_SECONDS if name == "connect_timeout" else math.ceil(seconds)
        for name in limits.get(backend, ())
        if name not in url.query
    }
    # A server may answer any query by asking for a file of this machine.
    return {**told, "local_infile": False} if backend == "mysql" else told


def _read_only_file(url: URL) -> URL:
    """SQLite's own address of the file, which it opens for reading and never makes."""
    file = Path(url.database or "").resolve()
    return url.set(database=f"file:{quote(str(file))}", query={**url.query, "mode": "ro", "uri": "true"})


def _require_file(url: URL) -> None:
    """SQLite would create an empty database instead of saying that there is none."""
    if not Path(url.database or "").is_file():
        raise SourceError(
            f"there is no SQLite database at {public_uri(url)}: name an existing file", place=public_uri(url)
        )


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin a transaction at a write only
    connection.execute("pragma query_only = on")
    connection.text_factory = text_of
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    connection.create_function("record_number", 1, _record_number, deterministic=True)
    connection.create_function("is_utf8", 1, is_utf8, deterministic=True)


def _record_number(content: bytes) -> int:
    """The number that servers make of an MD5's first ten digits; see `record_number` of the values module."""
    return int(hashlib.md5(content, usedforsecurity=False).hexdigest()[:10], 16)


def _prepare_postgres(connection: Connection, seconds: float) -> None:
    """Dates as YYYY-MM-DD whatever the server prefers; no endless waiting unless the address asks for it.

    The server's own limit ends a statement that nobody here waits for any more.
    """
    connection.execute(sa.select(sa.func.set_config("DateStyle", "ISO, YMD", True)))
    for name, limit in (("lock_timeout", _LOCK_TIMEOUT), ("statement_timeout", f"{math.ceil(seconds)}s")):
        unlimited = sa.func.current_setting(name) == "0"
        connection.execute(sa.select(sa.func.set_config(name, limit, True)).where(unlimited))


@contextmanager
def _known_host() -> Iterator[None]:
    """A host that no name server may be asked for ends in the codec's own error, which quotes it."""
    try:
        yield
    except UnicodeError:
        raise SourceError(
            "what stands for the host in the database's address is no host: each part of a name has 1 to 63 letters"
        ) from None


@contextmanager
def reported(url: URL) -> Iterator[None]:
    """Turn a database's errors into the night's: what failed, where, and whether trying again can help."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _told(error, public_uri(url), _words(error, url)) from None
    except RuntimeError as error:
        if "LOAD_LOCAL" not in str(error):
            raise
        raise SourceError(
            f"{public_uri(url)} asked for a file of this machine and got none: no bank's server does so, see that the "
            "address names the right one",
            place=public_uri(url),
        ) from None


def _told(error: exc.DBAPIError, place: str, words: str) -> SourceError | SourceUnavailableError:
    """The night's error for a database's, with what mends it."""
    if _TOO_LONG.search(words):
        return SourceError(
            f"{place} holds a value of more than {_LONGEST_VALUE // 2**20} MiB, which no bank's record has: mend that "
            "record, or leave it out of a view",
            place=place,
        )
    if _TOO_SCATTERED.search(words):
        return SourceError(
            f"{place} cannot be asked for a night ({words}): its settlement dates are written in too many ways, hold a "
            "DATE in the column, or text as YYYY-MM-DD",
            place=place,
        )
    if _is_terminal(error):
        return SourceError(f"{place} cannot be read ({words}): {_mend(error)}", place=place)
    return SourceUnavailableError(
        f"{place} is not available ({words}): nothing of the extract was kept, try again", place=place
    )


def _mend(error: exc.DBAPIError) -> str:
    if _number(error) == _UNKNOWN_ZONE:
        return "let the server know the zones (mysql_tzinfo_to_sql)"
    return "mend the address, the password or this user's rights"


def _number(error: exc.DBAPIError) -> object:
    """MySQL's number of the error, which its driver puts first; whatever stands there, or None, elsewhere."""
    arguments: tuple[object, ...] = error.orig.args if error.orig else ()
    return arguments[0] if arguments else None


def _words(error: exc.DBAPIError, url: URL) -> str:
    """The driver's message on one line, without the statement, the values it could not read, and the password."""
    words = " ".join(str(error.orig).split())
    if str(getattr(error.orig, "sqlstate", None)).startswith(_DATA_STATE):
        words = _QUOTED.sub('"..."', words)
    return words.replace(str(url.password), "***") if url.password else words


def _is_terminal(error: exc.DBAPIError) -> bool:
    original: Any = error.orig
    state = getattr(original, "sqlstate", None)
    if state:
        return str(state).startswith(_TERMINAL_STATES)
    if _number(error) in _TERMINAL_NUMBERS:
        return True
    passing = isinstance(error, exc.OperationalError | exc.InterfaceError) or error.connection_invalidated
    return not passing or bool(_REFUSED_FOR_GOOD.search(str(original)))
