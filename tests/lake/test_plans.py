"""Plans that are kept for all readers of a process: parsed once, never stale, bounded, the same for every thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.manifest import ManifestFile

from include.lake.kept import Kept
from tests.lake.nights import night_number, open_lake, publish_night, seen, stamp_of, whole

NIGHT = night_number(0)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the manifests that are parsed during a test."""
    names: list[str] = []
    parse = ManifestFile.fetch_manifest_entry

    def noted(manifest: ManifestFile, *given: Any, **named: Any) -> Any:
        names.append(manifest.manifest_path)
        return parse(manifest, *given, **named)

    monkeypatch.setattr(ManifestFile, "fetch_manifest_entry", noted)
    return names


def test_a_second_reader_parses_no_manifest_again_and_a_commit_only_its_own(tmp_path: Path, parsed: list[str]) -> None:
    writer = open_lake(tmp_path / "lake")
    publish_night(writer, stamp_of("a", NIGHT))
    seen(open_lake(tmp_path / "lake"), NIGHT)
    parsed.clear()
    seen(open_lake(tmp_path / "lake"), NIGHT)
    assert parsed == []
    publish_night(writer, stamp_of("b", night_number(1)))
    parsed.clear()
    reader = open_lake(tmp_path / "lake")
    assert reader.read("fin_transaction")["source_uri"].to_pylist() == ["a"] * 3 + ["b"] * 3
    assert len(parsed) <= 2  # of the night that is new: in the manifest of nights, and in the table


def test_threads_that_share_a_reader_see_whole_nights_while_others_replace_them(tmp_path: Path) -> None:
    writer, shared = open_lake(tmp_path / "lake"), open_lake(tmp_path / "lake")
    publish_night(writer, stamp_of("a", NIGHT))
    looks = ["fin_transaction"] * 12
    with ThreadPoolExecutor(4) as pool:
        for run in "bcd":
            publish_night(writer, stamp_of(run, NIGHT))
            found = [*pool.map(lambda name: {*shared.read(name, NIGHT, NIGHT)["source_uri"].to_pylist()}, looks)]
            assert found == [{run}] * len(looks)
    assert seen(shared, NIGHT) == whole("d")


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    kept: Kept[int] = Kept(most=6)
    made: list[str] = []

    def make(name: str) -> list[int]:
        made.append(name)
        return [1, 2]

    for name in ("first", "second", "third", "first", "fourth", "first", "second"):
        assert kept.get(name, lambda name=name: make(name)) == (1, 2)
    assert made == ["first", "second", "third", "fourth", "second"]
