"""The lake's catalog and its stores in a server: over TLS with a checked certificate, or not at all."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from include.databases.terms import ServerTerms
from include.errors import SettingsError, TerminalError
from include.lake import Lake
from include.lake.sql_store import SqlStore, _server
from include.settings import Settings
from tests.databases.certificates import Authority
from tests.databases.servers import HOST, DebianPostgres

TABLES = sa.MetaData()
sa.Table("held", TABLES, sa.Column("number", sa.Integer, primary_key=True))


@pytest.fixture(scope="module")
def database(debian_postgres: DebianPostgres) -> str:
    """An empty database in which `keeper` makes what it needs."""
    debian_postgres.run("create role keeper superuser login password 'hunter2'")
    return debian_postgres.new_database()


@pytest.fixture
def settings(debian_postgres: DebianPostgres, database: str, named: str, terms: ServerTerms) -> Settings:
    """The settings of a lake whose catalog lies in a server that is not this machine."""
    uri = debian_postgres.address(database, login="keeper:hunter2", host=named)
    return Settings(catalog_uri=uri, database_authorities=terms.authorities)


def store(lake: Path, settings: Settings) -> SqlStore:
    return SqlStore.open(f"file:{lake}", settings, TABLES, schema="held", file="held")


def test_catalog_and_stores_are_reached_over_tls(settings, debian_postgres, tmp_path):
    assert Lake.open(f"file:{tmp_path}", settings).manifest().num_rows == 0
    with store(tmp_path, settings).write() as connection:
        shown = "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'keeper'"
        assert set(connection.exec_driver_sql(shown).scalars()) == {True}


@pytest.fixture
def stranger(debian_postgres: DebianPostgres, authority: Authority) -> Iterator[None]:
    """The server shows a certificate that nobody known has signed."""
    debian_postgres.show(Authority().issue(HOST))
    _server.cache_clear()  # connections that were made before are trusted
    yield
    debian_postgres.show(authority.issue(HOST, "localhost", "127.0.0.1"))


@pytest.mark.parametrize("opened", [lambda lake, settings: Lake.open(f"file:{lake}", settings), store])
def test_a_certificate_that_cannot_be_trusted_ends_at_once(settings, stranger, tmp_path, opened):
    with pytest.raises(TerminalError, match="none of the known authorities has signed") as refused:
        opened(tmp_path, settings)
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("opened", [lambda lake, settings: Lake.open(f"file:{lake}", settings), store])
def test_an_address_that_asks_for_less_is_refused(tmp_path, opened):
    settings = Settings(catalog_uri="postgresql+psycopg://keeper:hunter2@db.bank/lake?sslmode=require")
    with pytest.raises(SettingsError, match="asks for less than TLS with a checked certificate") as refused:
        opened(tmp_path, settings)
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))
    with pytest.raises(TerminalError if opened is store else Exception) as unreachable:
        opened(tmp_path, settings.model_copy(update={"database_tls": "require", "catalog_uri": "mysql://u@db.bank/l"}))
    assert "PostgreSQL" in str(unreachable.value) or "postgresql" in str(unreachable.value)
