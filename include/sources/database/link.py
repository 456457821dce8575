"""Connects to a database: one read-only snapshot, and translation of its errors into the night's errors."""

from __future__ import annotations

import hashlib
import math
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import NullPool

from include.databases.certificates import certificates_told
from include.databases.terms import ServerTerms
from include.databases.tls import Guarded, guarded, public_uri
from include.errors import SourceError, SourceUnavailableError
from include.sources.database.credentials import Credentials
from include.sources.database.patience import Patience
from include.sources.database.texts import is_utf8, text_of

# A reachable server answers within a second; libpq itself would wait for minutes.
_CONNECT_SECONDS = 10
# A table that is being altered is locked; a night waits for it as long as a short deployment takes, then tries again.
_LOCK_SECONDS = 60
# No field of a bank's record comes near; without a bound one value of gigabytes takes the memory of the night.
_LONGEST_VALUE = 16 * 2**20
# One snapshot per extract, and a server that refuses to write for us.
_SNAPSHOT_OPTIONS = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    "mysql": {"isolation_level": "REPEATABLE READ"},
}
# How the others begin: of MySQL a plain BEGIN would take its snapshot at the first query and could write.
_BEGIN = {"sqlite": "begin", "mysql": "start transaction with consistent snapshot, read only"}
# Seen on PostgreSQL 18: a refused login carries no SQLSTATE, only the server's words.
_REFUSED_FOR_GOOD = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|does not exist|unable to open"
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
_ACCESS_DENIED = 1045
_TERMINAL_NUMBERS = (1044, _ACCESS_DENIED, 1049, 1142, _UNKNOWN_ZONE)


@dataclass(frozen=True)
class Way:
    """The way to one database: over TLS where it leaves this machine, with the login of the moment.

    Attributes
    ----------
    reach
        Address as the driver takes it, without what it does not know, and the TLS that is asked of the server.
    credentials
        Where the login comes from.
    """

    reach: Guarded
    credentials: Credentials

    @classmethod
    def of(cls, url: URL, terms: ServerTerms) -> Way:
        """The way to an address.

        Raises
        ------
        SettingsError
            When the address asks for less than the terms do.
        """
        credentials = Credentials.of(url)
        plain = url.difference_update_query(Credentials.PARAMETERS)
        return cls(guarded(plain, terms, always=credentials.is_token), credentials)


def connect(way: Way, patience: Patience) -> Connection:
    """A connection in a transaction that sees one moment and cannot write, watched by `patience`.

    Raises
    ------
    SourceError
        When trying again cannot help: a wrong password, a certificate that is not to be trusted, no such database.
    SourceUnavailableError
        When the server cannot be reached or refuses.
    """
    url = way.credentials.fresh(way.reach.url)
    if url.get_backend_name() == "sqlite":
        _require_file(url)
    trusted = certificates_told(way.reach, SourceError)
    with reported(url, way.credentials), patience.limit(), _known_host(), trusted:
        connection = _engine(url, way.reach, patience).connect()
        connection.begin()
        if prepare := _PREPARE.get(url.get_backend_name()):
            prepare(connection, patience.seconds)
    return connection


def close(connection: Connection, patience: Patience) -> None:
    """End the transaction and the connection, alive or not."""
    with suppress(exc.DBAPIError, SourceUnavailableError), patience.limit():
        connection.close()


def _engine(url: URL, reach: Guarded, patience: Patience) -> Engine:
    backend = url.get_backend_name()
    engine = sa.create_engine(
        _read_only_file(url) if backend == "sqlite" else url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={**_connect_arguments(url, patience.seconds), **_guards(reach)},
        execution_options=_SNAPSHOT_OPTIONS.get(backend, {}),
    )
    # Before the first statement, which SQLAlchemy sends by itself.
    event.listen(engine, "connect", lambda driver, _: patience.watch(driver), insert=True)
    if backend == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    if begin := _BEGIN.get(backend):
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _guards(reach: Guarded) -> Mapping[str, Any]:
    """What keeps a password from being read on its way."""
    in_the_clear = reach.level == "off" and reach.url.get_backend_name() == "mysql"
    return {"auth_plugin_map": _PLAIN_PASSWORDS} if in_the_clear else reach.arguments


def _connect_arguments(url: URL, seconds: float) -> dict[str, Any]:
    """The driver's arguments beside the address; limits in the address take precedence."""
    limits = {"postgresql": ("connect_timeout",), "mysql": ("connect_timeout", "read_timeout", "write_timeout")}
    backend = url.get_backend_name()
    told: dict[str, Any] = {
        name: _CONNECT_SECONDS if name == "connect_timeout" else math.ceil(seconds)
        for name in limits.get(backend, ())
        if name not in url.query
    }
    return {**told, **_MYSQL_ARGUMENTS} if backend == "mysql" else told


class _NoPlainPassword:
    """Refuses a server that asks for the password as it is; the driver would send it to whoever answers in its place.

    One of RDS asks for tokens so, and those that ask PAM for passwords.
    """

    def __init__(self, _connection: object) -> None:
        """Made by the driver, when the server asks."""

    def authenticate(self, _packet: object) -> NoReturn:
        """Send nothing."""
        raise SourceError(
            "the database's server asks for the password as it is, over a connection without TLS: nothing was sent. "
            "Let the address ask for TLS (ssl_verify_identity=true), or give the user another plugin"
        )


_PLAIN_PASSWORDS = {"mysql_clear_password": _NoPlainPassword, "dialog": _NoPlainPassword}
"""PyMySQL's names of the plugins that send it."""


_MYSQL_ARGUMENTS = {
    # A server may answer any query by asking for a file of this machine.
    "local_infile": False,
    # Whatever the server prefers: its modes change what quotes mean, what is padded, which dates there are.
    "sql_mode": "",
}


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
    for name, limit in (("lock_timeout", f"{_LOCK_SECONDS}s"), ("statement_timeout", f"{math.ceil(seconds)}s")):
        unlimited = sa.func.current_setting(name) == "0"
        connection.execute(sa.select(sa.func.set_config(name, limit, True)).where(unlimited))


def _prepare_mysql(connection: Connection, seconds: float) -> None:
    """As for PostgreSQL; a statement may take this long, and so may we between two batches of its rows."""
    limit = math.ceil(seconds)
    # MariaDB counts in seconds, MySQL in milliseconds.
    statement = f"max_statement_time = {limit}" if _is_mariadb(connection) else f"max_execution_time = {limit * 1000}"
    connection.exec_driver_sql(
        f"set session lock_wait_timeout = {_LOCK_SECONDS}, session net_write_timeout = {limit}, session {statement}"
    )


def _is_mariadb(connection: Connection) -> bool:
    return bool(getattr(connection.dialect, "is_mariadb", False))


_PREPARE: Mapping[str, Callable[[Connection, float], None]] = {
    "postgresql": _prepare_postgres,
    "mysql": _prepare_mysql,
}


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
def reported(url: URL, credentials: Credentials | None = None) -> Iterator[None]:
    """Turn a database's errors into the night's: what failed, where, and whether trying again can help.

    Parameters
    ----------
    url
        Address, whose password is never shown.
    credentials
        Where the login came from, while one is asked to be let in: another login may be, so that it is tried again.
    """
    try:
        yield
    except exc.DBAPIError as error:
        place, words = public_uri(url), _words(error, url)
        if credentials and credentials.may_change and _is_refused_login(error):
            raise SourceUnavailableError(_not_let_in(place, words, credentials), place=place) from None
        raise _told(error, place, words) from None
    except RuntimeError as error:
        if "LOAD_LOCAL" not in str(error):
            raise
        raise SourceError(
            f"{public_uri(url)} asked for a file of this machine and got none: no bank's server does so, see that the "
            "address names the right one",
            place=public_uri(url),
        ) from None


def _is_refused_login(error: exc.DBAPIError) -> bool:
    return _number(error) == _ACCESS_DENIED or "authentication failed" in str(error.orig)


def _not_let_in(place: str, words: str, credentials: Credentials) -> str:
    mend = (
        "see that the role of this process may do rds-db:connect as this user, that the user may come with tokens "
        "(rds_iam, AWSAuthenticationPlugin), and that the clock is right"
        if credentials.is_token
        else "see that the connection has the user's password of now, as its secret may just have been rotated"
    )
    return f"{place} did not let us in ({words}): {mend}. The next try comes with a new login"


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
