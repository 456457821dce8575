"""Sources and lakes by name: what may be named, and which lake belongs to which source."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from include.errors import SettingsError
from include.lake.location import LakeLocation
from include.places import Places
from include.registry import ModelRegistry
from include.settings import get_settings

ADDRESS = "postgresql+psycopg://me:hunter2@host/bank"
Installed = Callable[..., None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    """Sets up an installation: its own source and lake, and others by name."""

    def install(source: str = ADDRESS, lake: str = f"file:{tmp_path / 'own'}", **named: dict[str, str]) -> None:
        monkeypatch.setenv("ADS_SOURCE_URI", source)
        monkeypatch.setenv("ADS_LAKE_URI", lake)
        for kind, places in named.items():
            monkeypatch.setenv(f"ADS_{kind.upper()}", json.dumps(places))
        get_settings.cache_clear()

    yield install
    monkeypatch.undo()
    get_settings.cache_clear()


def test_an_empty_name_is_the_installations_own(installed):
    installed(sources={"trial": "file:/trial?rounding=0.1"})
    assert {Places(get_settings()).address_of("source", given) for given in (None, "", "default")} == {ADDRESS}
    assert Places(get_settings()).address_of("source", "trial") == "file:/trial?rounding=0.1"


@pytest.mark.parametrize("given", ["Trial", "default2", "..", "trial/../x", "etc"])
def test_a_name_that_nobody_gave_is_refused_with_those_there_are(installed, given):
    installed(sources={"trial": ADDRESS.replace("host", "other")})
    with pytest.raises(SettingsError, match=r"Choose one of: default, trial \(empty: default\)") as refusal:
        Places(get_settings()).address_of("source", given)
    assert "hunter2" not in str(refusal.value)


def test_without_a_source_of_its_own_the_installation_says_how_to_give_one(installed):
    installed(source="")
    with pytest.raises(SettingsError, match=r"has no source of its own\. .*none yet.* ADS_SOURCE_URI"):
        Places(get_settings()).address_of("source", None)


@pytest.mark.parametrize("given", [ADDRESS, "file:/etc", "/etc/passwd", "a b", "x" * 64, "ž", ["default"], 7, "a\n"])
def test_what_is_no_name_is_not_repeated(given):
    with pytest.raises(SettingsError, match="takes a name of this installation's list") as refusal:
        Places(get_settings()).name_of("lake", given)
    assert str(given) == "7" or str(given) not in str(refusal.value)


@pytest.mark.parametrize(
    "written",
    [
        "file:/bank",
        '["trial"]',
        '{"trial": ""}',
        '{"trial": 7}',
        '{"default": "file:/bank"}',
        json.dumps({ADDRESS: "trial"}),
        "{'trial': '" + ADDRESS + "'}",
    ],
)
def test_a_list_that_is_none_is_refused_without_what_is_in_it(monkeypatch, written):
    monkeypatch.setenv("ADS_SOURCES", written)
    get_settings.cache_clear()
    with pytest.raises(SettingsError, match=r"ADS_SOURCES.*write|ADS_SOURCES.*(use|give)") as refusal:
        get_settings()
    assert "hunter2" not in f"{refusal.value}{refusal.value.__cause__}".lower()
    monkeypatch.undo()
    get_settings.cache_clear()


def test_settings_show_no_address(installed):
    installed(sources={"trial": ADDRESS}, lakes={"trial": ADDRESS})
    assert "hunter2" not in repr(get_settings())


def test_an_empty_variable_is_an_unset_one(monkeypatch):
    for name in ("ADS_LAKE_URI", "ADS_SOURCES", "ADS_LOOKBACK_DAYS"):
        monkeypatch.setenv(name, "")
    get_settings.cache_clear()
    assert get_settings().lake_uri
    assert get_settings().sources == {}
    monkeypatch.undo()
    get_settings.cache_clear()


def test_a_lake_belongs_to_the_source_of_its_name_else_to_the_installations_own(installed):
    installed(sources={"trial": "file:/trial"}, lakes={"trial": "file:/lakes/trial", "sandbox": "file:/lakes/sandbox"})
    for source, lake in ((None, None), ("default", "sandbox"), ("trial", "trial")):
        Places(get_settings()).require_own_source(source, lake)
    for source, lake in (("trial", None), ("trial", "sandbox"), (None, "trial")):
        with pytest.raises(SettingsError, match="from its own source only"):
            Places(get_settings()).require_own_source(source, lake)


def test_a_connection_gives_a_lake_its_source_too(installed):
    installed(lakes={"trial": "file:/lakes/trial"})

    def elsewhere(kind: str, name: str) -> str | None:
        return "file:/trial" if (kind, name) == ("source", "trial") else None

    Places(get_settings(), elsewhere).require_own_source("trial", "trial")
    with pytest.raises(SettingsError, match="which is 'trial'"):
        Places(get_settings(), elsewhere).require_own_source(None, "trial")


def test_the_own_lake_under_another_name_is_still_the_own_lake(installed, tmp_path):
    own, link, mine = tmp_path / "own", tmp_path / "link", tmp_path / "mine"
    (own / "models").mkdir(parents=True)
    link.symlink_to(own)
    mine.mkdir()
    (mine / "models").symlink_to(own / "models")
    addresses = [f"file:{own}", f"file://{own}/", f"{own}", f"local:{own}", f"file:{own}/../own", f"file:{link}"]
    for address in [*addresses, f"file:{mine}"]:
        installed(sources={"trial": "file:/trial"}, lakes={"trial": address})
        with pytest.raises(SettingsError, match="the lake 'default' gets"):
            Places(get_settings()).require_own_source("trial", "trial")
        Places(get_settings()).require_own_source(None, "trial")


def test_the_own_lake_is_known_before_there_is_anything_in_it(installed, tmp_path):
    installed(sources={"trial": "file:/trial"}, lakes={"trial": f"file:{tmp_path}/x/../own"})
    with pytest.raises(SettingsError, match="its own source only"):
        Places(get_settings()).require_own_source("trial", "trial")


def test_an_object_store_is_known_by_any_address_too(installed):
    for address, is_own in (("s3a://bucket/lake/", True), ("s3://bucket/o/../lake", True), ("s3://bucket/l2", False)):
        installed(lake="s3://bucket/lake", sources={"trial": "file:/trial"}, lakes={"trial": address})
        if is_own:
            with pytest.raises(SettingsError, match="its own source only"):
                Places(get_settings()).require_own_source("trial", "trial")
        else:
            Places(get_settings()).require_own_source("trial", "trial")


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "mysql", "foo", "https", "simplecache::file"])
def test_a_lake_that_is_no_folder_is_refused_by_its_scheme_alone(installed, scheme):
    address = f"{scheme}://me:hunter2@host/bank"
    installed(lakes={"trial": address})
    for opened in (
        lambda: Places(get_settings()).address_of("lake", "trial"),
        lambda: Places(get_settings(), lambda kind, name: address).address_of("lake", "other"),
        lambda: LakeLocation.of(address),
        lambda: ModelRegistry.open(address, get_settings()),
    ):
        with pytest.raises(SettingsError, match="allowed are file: and s3:") as refusal:
            opened()
        assert "hunter2" not in str(refusal.value)


def test_an_object_prefix_without_a_catalog_is_not_repeated():
    with pytest.raises(SettingsError, match="ADS_CATALOG_URI") as refusal:
        LakeLocation.of("s3://key:hunter2@bucket/lake")
    assert "hunter2" not in str(refusal.value)
