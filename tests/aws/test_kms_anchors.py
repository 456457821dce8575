"""Anchors in a place of their own: an object prefix, where a write replaces only what was read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from include.errors import IntegrityError, SettingsError
from include.security.anchors import Anchors
from include.security.envelope import Envelope
from include.settings import Settings, get_settings

LAKE = "0" * 32


@pytest.fixture
def settings(bucket: str, kms_key: str, tmp_path: Path) -> Settings:
    return Settings(
        kms_key=kms_key,
        anchors_uri=f"s3://{bucket}/anchors",
        key_file=tmp_path / "none" / "lake.key",
        lake_uri=f"s3://{bucket}/lake",
    )


def test_anchors_lie_under_the_prefix_and_nothing_beside_a_key(settings: Settings) -> None:
    anchors = Anchors.open(settings)
    assert anchors.counters(LAKE) is None
    assert anchors.place("s3://bucket/lake", LAKE) == LAKE
    anchors.advance(LAKE, {"champion": 2, "audit": 5})
    anchors.advance(LAKE, {"champion": 1})
    again = Anchors.open(settings)
    assert again.counters(LAKE) == {"champion": 2, "audit": 5}
    assert again.place("s3://bucket/lake", "1" * 32) == LAKE
    assert str(again.anchor_file(LAKE)) == f"{settings.anchors_uri}/{LAKE}.anchor"
    assert not settings.key_file.parent.exists()


def test_writers_at_once_lose_no_counter(settings: Settings) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: Anchors.open(settings).advance(LAKE, {f"record {n}": n + 1}), range(6)))
    assert Anchors.open(settings).counters(LAKE) == {f"record {n}": n + 1 for n in range(6)}


def test_an_altered_anchor_is_refused(settings: Settings) -> None:
    anchors = Anchors.open(settings)
    anchors.advance(LAKE, {"champion": 2})
    anchors.anchor_file(LAKE).write_bytes(Envelope.open(settings).seal(b"{}", {"purpose": "anchor", "lake": "1" * 32}))
    with pytest.raises(IntegrityError, match="does not verify"):
        anchors.counters(LAKE)


def test_anchors_are_wrapped_anew_there(settings: Settings, tmp_path: Path) -> None:
    local = settings.model_copy(update={"kms_key": "", "key_file": tmp_path / "keys" / "lake.key"})
    Anchors.open(local).advance(LAKE, {"champion": 2})
    Anchors.open(local).place("s3://bucket/lake", LAKE)
    Anchors.open(local).place("s3://bucket/other", "1" * 32)
    both = local.model_copy(update={"kms_key": settings.kms_key, "former_key": "local"})
    assert [Anchors.open(both).reseal(LAKE) for _ in range(2)] == [2, 0]
    assert Anchors.open(settings).counters(LAKE) == {"champion": 2}
    assert Anchors.open(local).lake_at("s3://bucket/other") == "1" * 32


@pytest.mark.parametrize(
    "place", ["s3://bucket/lake", "s3://bucket/lake/anchors", "s3a://bucket/lake/anchors", "s3://other/one/"]
)
def test_anchors_in_a_lake_are_refused(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADS_LAKE_URI", "s3://bucket/lake")
    monkeypatch.setenv("ADS_LAKES", '{"one": "s3://other/one"}')
    monkeypatch.setenv("ADS_ANCHORS_URI", place)
    get_settings.cache_clear()
    with pytest.raises(SettingsError, match=r"ADS_ANCHORS_URI.*lies in a lake"):
        get_settings()
    monkeypatch.setenv("ADS_LAKES", '{"one": "file:/data/lake"}')
    for folder in ("/data/lake/anchors", "file:///data/lake", "file:/data/keys/../lake/anchors"):
        monkeypatch.setenv("ADS_ANCHORS_URI", folder)
        with pytest.raises(SettingsError, match="lies in a lake"):
            get_settings()
    monkeypatch.setenv("ADS_ANCHORS_URI", "s3://bucket/lakes-anchors/")
    assert get_settings().anchors_uri == "s3://bucket/lakes-anchors"
    get_settings.cache_clear()
