"""A whole night from PostgreSQL and from MariaDB, over TLS: what is published is what the files give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from demo import ROUNDING_CROWNS, generate_bank
from include.databases.terms import ServerTerms
from include.lake import Lake
from include.night import NightRequest, run_night
from include.night.modelling import train_champion
from include.publish.digest import table_digest
from include.settings import Settings, get_settings
from include.sources.database.load import load_bank
from tests.databases.servers import DebianPostgres, Server
from tests.registry.moving import move_models

NIGHT = date(2024, 2, 29)
FINDINGS = ("fin_transaction", "anomaly_scores", "settlement_breaks", "alerts")
LINES = ("source_line", "source_uri")


@pytest.fixture(scope="module")
def own_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A master key for these tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_KEY_FILE", str(tmp_path_factory.mktemp("keys") / "lake.key"))
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def files(own_key: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration bank with incidents on its last night, and beside it a lake with the model that scores it."""
    folder = tmp_path_factory.mktemp("files")
    generate_bank(folder / "bank", 140, date(2023, 9, 1), NIGHT, 5, incidents=True)
    train_champion(f"file:{folder / 'bank'}?rounding={ROUNDING_CROWNS}", f"file:{folder / 'model'}", NIGHT)
    return folder


def played(source: str, files: Path, lake: Path, settings: Settings | None = None) -> dict[str, str]:
    """What a night publishes: the digest of each table, without the line of a file, which a database has not."""
    settings = settings or get_settings()
    move_models(f"file:{files / 'model'}", f"file:{lake}", settings)
    request = NightRequest(NIGHT, source, f"file:{lake}", "test", settings)
    figures = run_night(request)
    opened = Lake.open(f"file:{lake}")
    tables = {name: opened.read(name) for name in FINDINGS}
    assert all(table.num_rows for table in tables.values())
    without = {name: table.drop_columns(set(LINES) & set(table.column_names)) for name, table in tables.items()}
    digests = {name: table_digest(table) for name, table in without.items()}
    return {**digests, **{name: str(figures[name]) for name in ("offered", "published", "flagged") if name in figures}}


@pytest.fixture(scope="module")
def expected(files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the files give."""
    source = f"file:{files / 'bank'}?rounding={ROUNDING_CROWNS}"
    return played(source, files, tmp_path_factory.mktemp("expected"))


@pytest.fixture
def loaded(server: Server, files: Path) -> str:
    """The name of a database with the same bank, which `teller` may read."""
    database = server.new_database()
    load_bank(f"file:{files / 'bank'}", server.admin(database))
    server.let_read(database)
    return database


@pytest.fixture
def connection(server: Server, loaded: str, named: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Airflow's connection to that database, as the address of a source."""
    kind = "postgres" if isinstance(server, DebianPostgres) else "mysql"
    login = {"login": "teller", "password": "hunter2", "extra": {"rounding": ROUNDING_CROWNS}}
    place = {"conn_type": kind, "host": named, "port": server.port, "schema": loaded}
    monkeypatch.setenv("AIRFLOW_CONN_ADS_SOURCE_CORE", json.dumps({**place, **login}))
    return "connection:ads_source_core"


def test_a_night_from_a_server_is_the_night_from_the_files(
    connection: str, files: Path, terms: ServerTerms, tmp_path: Path, expected: dict[str, str]
) -> None:
    settings = get_settings().model_copy(update={"database_authorities": terms.authorities})
    assert played(connection, files, tmp_path / "lake", settings) == expected
