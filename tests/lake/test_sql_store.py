"""Where the small databases lie that change with a click: beside the catalog, or where the installation says."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from include.errors import SettingsError
from include.lake.sql_store import SqlStore
from include.settings import Settings

_TABLES = sa.MetaData()
_THINGS = sa.Table("things", _TABLES, sa.Column("name", sa.String(8)))
OBJECTS = "s3://bucket/lake"


@pytest.fixture(autouse=True)
def region(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def opened(lake_uri, **settings):
    return SqlStore.open(str(lake_uri), Settings(**settings), _TABLES, schema="things", file="things")


def found(lake_uri, **settings):
    return SqlStore.find(str(lake_uri), Settings(**settings), _TABLES, schema="things", file="things")


def test_a_store_lies_beside_the_catalog(tmp_path):
    assert found(tmp_path) is None
    opened(tmp_path)
    assert (tmp_path / "ads-things.db").exists()
    assert found(tmp_path) is not None


def test_with_glue_a_store_lies_where_the_installation_says(tmp_path):
    where = {"catalog_uri": "glue:", "store_uri": f"sqlite:///{tmp_path / 'clicks.db'}"}
    assert found(OBJECTS, **where) is None
    with opened(OBJECTS, **where).write() as connection:
        connection.execute(_THINGS.insert().values(name="kept"))
    with found(OBJECTS, **where).read() as connection:
        assert connection.scalar(sa.select(_THINGS.c.name)) == "kept"
    assert [file.name for file in tmp_path.iterdir()] == ["ads-things.db"]


def test_a_store_may_lie_in_another_database_than_the_catalog(tmp_path, postgres_server):
    postgres_server.create_database("clicks")
    where = {"catalog_uri": f"sqlite:///{tmp_path / 'catalog.db'}", "store_uri": postgres_server.uri("clicks")}
    opened(tmp_path, **where)
    inspector = sa.inspect(sa.create_engine(postgres_server.uri("clicks")))
    assert inspector.get_table_names("ads_things") == ["things"]


@pytest.mark.parametrize("act", [opened, found])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"catalog_uri": "glue:"}, "catalog is Glue.*set ADS_STORE_URI to a PostgreSQL database"),
        ({"catalog_uri": "glue:", "store_uri": "mysql+pymysql://user:secret@host/name"}, "of the kind mysql"),
        ({"catalog_uri": "glue:", "store_uri": "host secret"}, "no SQLAlchemy URL"),
    ],
)
def test_what_cannot_hold_a_store_is_refused(act, settings, message):
    with pytest.raises(SettingsError, match=message) as refused:
        act(OBJECTS, **settings)
    assert refused.value.setting == "store_uri"
    assert "secret" not in str(refused.value)


def test_lakes_with_catalogs_of_their_own_share_no_store(tmp_path):
    with pytest.raises(SettingsError, match="unset ADS_STORE_URI"):
        opened(tmp_path, store_uri=f"sqlite:///{tmp_path / 'clicks.db'}")
