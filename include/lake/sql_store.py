"""Small SQL databases beside a lake's catalog, for what changes with a click and not with a night.

A store is a schema of its own in the database of the catalog, or a SQLite file beside it that only its owner can read.
Where the catalog is Glue, which is no database, the installation names one (`ADS_STORE_URI`).
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from include.connections import address
from include.databases.certificates import tell_certificates
from include.databases.terms import ServerTerms
from include.databases.tls import guarded
from include.errors import SettingsError, TerminalError
from include.lake.location import LakeLocation
from include.settings import Settings

_WRITES = "ads_writes"
_BACKENDS = ("postgresql", "sqlite")
_MAKING = 0x616473
"""Number of the lock under which a store's tables are made; any that nobody else uses."""


class UtcTime(sa.TypeDecorator[datetime]):
    """A time in UTC; SQLite keeps none with a zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """The time as the database takes it."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """The time with its zone."""
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class SqlStore:
    """One store: reads that see one moment, and writes that are one transaction each.

    Two writers of a SQLite file wait for each other from the beginning of their transactions, so that what one has read
    is still so when it writes. In PostgreSQL a writer locks what it decides by (`with_for_update`).
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._reader = engine
        self._writer = engine.execution_options(**{_WRITES: True})

    @classmethod
    def open(cls, lake_uri: str, settings: Settings, metadata: sa.MetaData, *, schema: str, file: str) -> SqlStore:
        """The store beside a lake's catalog, whose tables are made where there are none.

        Parameters
        ----------
        lake_uri
            Address of the lake.
        settings
            Settings with the catalog and the namespace.
        metadata
            Tables of the store.
        schema, file
            Endings of the names of its schema in PostgreSQL and of its file; they begin with the namespace.

        Raises
        ------
        SettingsError
            When no database is named for the stores of a lake whose catalog is none, or one that is not supported.
        """
        store = cls(_engine(_url_of(lake_uri, settings), settings, schema, file))
        if not store._has(metadata):
            store._make(metadata)
        return store

    @classmethod
    def find(
        cls, lake_uri: str, settings: Settings, metadata: sa.MetaData, *, schema: str, file: str
    ) -> SqlStore | None:
        """As `open`, but None where there is no such store."""
        url = _url_of(lake_uri, settings)
        path = _file_of(url, settings.namespace, file)
        if path is not None and not path.exists():
            return None
        store = cls(_engine(url, settings, schema, file))
        return store if store._has(metadata) else None

    def _has(self, metadata: sa.MetaData) -> bool:
        """Whether the tables are there, seen without a writer's lock."""
        with self.read() as connection:
            return {*metadata.tables} <= {*sa.inspect(connection).get_table_names(schema_of(connection))}

    def _make(self, metadata: sa.MetaData) -> None:
        with self.write() as connection:
            if name := schema_of(connection):
                # Two that make the same schema at once would collide, whatever "if not exists" says.
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
                connection.execute(sa.schema.CreateSchema(name, if_not_exists=True))
            metadata.create_all(connection)

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is a SQLite file."""
        return self._reader.dialect.name == "sqlite"

    def read(self) -> AbstractContextManager[sa.Connection]:
        """A connection whose queries see one moment where the database is a file, and each its own otherwise."""
        return self._reader.connect()

    def write(self) -> AbstractContextManager[sa.Connection]:
        """A connection in a transaction, which is kept when the block ends and undone when it raises."""
        return self._writer.begin()

    def outside(self) -> AbstractContextManager[sa.Connection]:
        """A connection without a transaction, for what the database does only there."""
        return self._reader.execution_options(isolation_level="AUTOCOMMIT").connect()


def schema_of(connection: sa.Connection) -> str | None:
    """The name of the store's schema; None where the store is a file."""
    names: dict[str | None, str] = connection.get_execution_options().get("schema_translate_map", {})
    return names.get(None)


def _url_of(lake_uri: str, settings: Settings) -> sa.URL:
    """The database that a lake's stores lie in or beside."""
    location = LakeLocation.of(lake_uri, settings.catalog_uri, settings.namespace)
    if location.is_glue and not settings.store_uri:
        raise SettingsError(
            "the lake's catalog is Glue, which cannot hold the outbox of alerts and the case book: set ADS_STORE_URI "
            "to a PostgreSQL database for them (postgresql+psycopg://user@host/name)",
            setting="store_uri",
        )
    if location.has_own_catalog and settings.store_uri:
        # Lakes with catalogs of their own may have the same namespace, and would share their stores in one database.
        raise SettingsError(
            "ADS_STORE_URI is set, and the lake's catalog is a file in the lake, beside which its stores lie: unset "
            "ADS_STORE_URI, or set ADS_CATALOG_URI as well",
            setting="store_uri",
        )
    url = _parsed(address(settings.store_uri) or location.catalog_uri)
    if url.get_backend_name() not in _BACKENDS:
        raise SettingsError(
            f"the outbox of alerts and the case book cannot lie in a database of the kind {url.get_backend_name()}: "
            f"set ADS_STORE_URI to one of {' or '.join(_BACKENDS)}",
            setting="store_uri",
        )
    return url


def _parsed(uri: str) -> sa.URL:
    try:
        return sa.make_url(uri)
    except sa.exc.ArgumentError:
        # Its message would show the password.
        raise SettingsError(
            "ADS_STORE_URI is no SQLAlchemy URL: write postgresql+psycopg://user@host/name", setting="store_uri"
        ) from None


def _engine(database: sa.URL, settings: Settings, schema: str, file: str) -> sa.Engine:
    path = _file_of(database, settings.namespace, file)
    if path is None:
        names = {None: f"{settings.namespace}_{schema}"}
        return _server(database, settings.server_terms, os.getpid()).execution_options(schema_translate_map=names)
    _make_private(path)
    url = database.set(database=str(path))
    # A pool would keep a file open that somebody removes or restores.
    engine = sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True)
    sa.event.listen(engine, "connect", _prepared)
    sa.event.listen(engine, "begin", _begun)
    return engine


def _file_of(database: sa.URL, namespace: str, file: str) -> Path | None:
    """The file of a store; None where it is a schema of a server."""
    if database.get_backend_name() != "sqlite":
        return None
    # Not in the catalog's own file, whose writers wait for one another.
    return Path(database.database or "").with_name(f"{namespace}-{file}.db")


@cache
def _server(database: sa.URL, terms: ServerTerms, _process: int) -> sa.Engine:
    """The connections of this process to a server; a forked process has its own."""
    reach = guarded(database, terms)
    # An error of a statement is logged, and its parameters name accounts.
    engine = sa.create_engine(reach.url, pool_pre_ping=True, hide_parameters=True)
    tell_certificates(engine, reach, TerminalError)
    sa.event.listen(engine, "before_cursor_execute", _without_nul, retval=True)
    return engine


def _without_nul(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> tuple[str, Any]:  # noqa: ANN401
    """A statement whose texts hold no NUL, which a server refuses: people send some, and banks record some."""
    return statement, _plain(parameters)


def _plain(value: Any) -> Any:  # noqa: ANN401 - parameters of one row or of many, as the driver takes them
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _make_private(path: Path) -> None:
    """Make the file before SQLite does, which would let others read it; one that is a link is not followed."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _prepared(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    connection.isolation_level = None  # transactions begin where `_begun` says, not with the first change
    for pragma in ("foreign_keys = on", "secure_delete = on"):
        connection.execute(f"pragma {pragma}")


def _begun(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("begin immediate" if writes else "begin")
