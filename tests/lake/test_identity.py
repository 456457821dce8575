"""Each lake has a namespace of its own in a catalog, whoever shares the catalog."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError
from pyiceberg.catalog.sql import IcebergNamespaceProperties
from sqlalchemy import create_engine, delete

from include.errors import SettingsError
from include.lake import identity
from include.lake.identity import ID_FILE, is_same_place
from include.settings import Settings
from tests.lake.nights import open_lake, publish_night, seen, stamp_of, whole

NIGHT = date(2020, 1, 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog_uri(request, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shared.db'}"
    server = request.getfixturevalue("postgres_server")
    name = f"shared_{tmp_path.name}"
    server.create_database(name)
    return str(server.uri(name))


def _published(folder: Path, run: str, **settings: str):
    lake = open_lake(folder, **settings)
    publish_night(lake, stamp_of(run, NIGHT))
    return lake


def test_another_lake_on_the_same_catalog_is_refused_and_told_what_to_set(tmp_path, catalog_uri):
    first = _published(tmp_path / "first", "a", catalog_uri=catalog_uri)
    for _ in range(2):
        with pytest.raises(SettingsError, match=r"belongs to the lake at .*first.*set ADS_NAMESPACE .* ads_2"):
            open_lake(tmp_path / "second", catalog_uri=catalog_uri)
    assert seen(first, NIGHT) == whole("a")
    assert not (tmp_path / "second" / ID_FILE).exists()
    second = _published(tmp_path / "second", "b", catalog_uri=catalog_uri, namespace="ads_2")
    assert (seen(first, NIGHT), seen(second, NIGHT)) == (whole("a"), whole("b"))
    assert first.identity != second.identity


def test_of_two_new_lakes_at_once_one_wins_and_the_other_is_refused(tmp_path, catalog_uri):
    def opened(name: str) -> str:
        try:
            return open_lake(tmp_path / name, catalog_uri=catalog_uri).identity
        except SettingsError as error:
            return str(error)

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(opened, ["one", "two"] * 3))
    winners = [name for name in ("one", "two") if (tmp_path / name / ID_FILE).exists()]
    assert len(winners) == 1
    identities = {text for text in said if "ADS_NAMESPACE" not in text}
    assert identities == {(tmp_path / winners[0] / ID_FILE).read_text().strip()}
    assert len([text for text in said if "ADS_NAMESPACE" in text]) == 3


def test_a_lake_that_another_process_is_just_making_is_no_emptied_one(tmp_path, monkeypatch):
    """The other one claims the namespace and remembers the place after this one found the namespace unclaimed."""
    claimed, others = identity._claim_of, []

    def overtaken(catalog, namespace):
        found = claimed(catalog, namespace)
        if not others:
            others.append("")
            others[0] = open_lake(tmp_path).identity
            (tmp_path / ID_FILE).unlink()
        return found

    monkeypatch.setattr(identity, "_claim_of", overtaken)
    assert open_lake(tmp_path).identity == others[0]


@pytest.mark.parametrize("is_link", [False, True])
def test_a_lake_is_itself_by_any_path(tmp_path, catalog_uri, is_link):
    folder = tmp_path / "lake"
    first = _published(folder, "a", catalog_uri=catalog_uri)
    again = tmp_path / "link" if is_link else tmp_path / "x" / ".." / "lake"
    if is_link:
        again.symlink_to(folder)
    else:
        (tmp_path / "x").mkdir()
    lake = open_lake(again, catalog_uri=catalog_uri)
    assert (lake.identity, seen(lake, NIGHT)) == (first.identity, whole("a"))


def _forget(catalog_uri: str, folder: Path) -> None:
    """Leave a lake as it was before lakes had identities."""
    engine = create_engine(catalog_uri)
    with engine.begin() as connection:
        connection.execute(delete(IcebergNamespaceProperties))
        connection.execute(
            IcebergNamespaceProperties.__table__.insert().values(
                catalog_name="ads", namespace="ads", property_key="exists", property_value="true"
            )
        )
    engine.dispose()
    (folder / ID_FILE).unlink()


def test_a_lake_of_before_gets_its_identity_and_one_that_shared_its_catalog_does_not(tmp_path, catalog_uri):
    folder = tmp_path / "lake"
    _published(folder, "a", catalog_uri=catalog_uri)
    _forget(catalog_uri, folder)
    with pytest.raises(SettingsError, match=r"belongs to the lake at .*/lake,.*ADS_NAMESPACE"):
        open_lake(tmp_path / "second", catalog_uri=catalog_uri)
    lake = open_lake(folder, catalog_uri=catalog_uri)
    assert seen(lake, NIGHT) == whole("a")
    assert (folder / ID_FILE).read_text().strip() == lake.identity


def test_a_lake_whose_file_is_gone_takes_its_identity_from_the_catalog(tmp_path, catalog_uri):
    folder = tmp_path / "lake"
    lake = _published(folder, "a", catalog_uri=catalog_uri)
    (folder / ID_FILE).unlink()
    assert open_lake(folder, catalog_uri=catalog_uri).identity == lake.identity
    assert (folder / ID_FILE).exists()


def test_a_folder_with_its_own_catalog_may_be_moved(tmp_path):
    lake = _published(tmp_path / "lake", "a")
    (tmp_path / "lake").rename(tmp_path / "moved")
    assert open_lake(tmp_path / "moved").identity == lake.identity


def test_a_lake_with_anothers_file_is_refused(tmp_path, catalog_uri):
    _published(tmp_path / "lake", "a", catalog_uri=catalog_uri)
    open_lake(tmp_path / "other")
    shutil.copy(tmp_path / "other" / ID_FILE, tmp_path / "lake" / ID_FILE)
    with pytest.raises(SettingsError, match="ADS_NAMESPACE"):
        open_lake(tmp_path / "lake", catalog_uri=catalog_uri)


@pytest.mark.parametrize("name", ["", "Ads", "ads.two", "a" * 64])
def test_a_namespace_is_a_name_that_athena_takes(name):
    with pytest.raises(ValidationError, match="namespace"):
        Settings(namespace=name)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("s3://bucket/lake", "s3a://bucket/lake/", True),
        ("s3://bucket/lake", "s3://bucket/lake2", False),
        ("/data/lake", "/data/lake/", True),
        ("file:///data/lake", "/data/lake", True),
        ("/data/lake", "/data/lake2", False),
        ("s3://data/lake", "/data/lake", False),
    ],
)
def test_places_are_told_apart(one, other, is_same):
    assert is_same_place(one, other) is is_same
