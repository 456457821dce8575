"""The made-up lakes, built once each; after a test that changes one it is put back where its catalog says it lies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from include.lake import Lake
from include.night.rotation import Rotation
from include.privacy import erase
from include.settings import Settings, get_settings
from include.tableau.extracts import write_extracts
from tests.privacy import lakes

collect_ignore = ["killed.py"]
"""Started as a program of its own."""


@dataclass
class Shelf:
    """A folder with a lake and its key, and what it held at moments that tests go back to."""

    folder: Path
    moments: dict[str, Path] = field(default_factory=dict)
    shown: str = ""

    def keep(self, moment: str) -> None:
        """Keep the folder as it is now."""
        self.moments[moment] = Path(shutil.copytree(self.folder, self.folder.with_name(f"{moment} kept")))
        self.shown = moment

    def show(self, moment: str, *, to_change: bool = False) -> Path:
        """The folder as it was at a moment; whoever changes nothing spares the next test a copy."""
        if self.shown != moment:
            shutil.rmtree(self.folder)
            shutil.copytree(self.moments[moment], self.folder)
        self.shown = "" if to_change else moment
        return self.folder


@dataclass(frozen=True)
class Erasure:
    """A client's erasure from the lake: what it told, what was found before, and what the others' rows were."""

    told: dict[str, Any]
    found: list[str]
    others: dict[str, list[dict[str, object]]]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The lake of two nights, as it was built."""
    shelf = _shelf(tmp_path_factory)
    lakes.build(shelf.folder)
    shelf.keep("built")
    return shelf


@pytest.fixture(scope="session")
def emptied(built: Shelf) -> Erasure:
    """The client's erasure during a rotation, from a lake with extracts and with rows that no reader saw."""
    folder, settings = built.show("built", to_change=True), lakes.settings_of(built.folder)
    lakes.leave_behind(folder)
    write_extracts(lakes.uri_of(folder), settings, is_masked=False)
    rotation = Rotation.open(lakes.uri_of(folder), settings)
    rotation.begin()
    rotation.rewrite()
    found, others = lakes.traces(folder), lakes.rows_of_others(Lake.open(lakes.uri_of(folder), settings))
    told = erase(lakes.uri_of(folder), lakes.CLIENT, settings, lakes.TODAY)
    built.keep("emptied")
    return Erasure(told, found, others)


@pytest.fixture(scope="session")
def small_shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The lake of one night with few tables, as it was built and after the client's erasure."""
    shelf = _shelf(tmp_path_factory)
    lakes.build_small(shelf.folder)
    shelf.keep("built")
    erase(lakes.uri_of(shelf.folder), lakes.CLIENT, lakes.settings_of(shelf.folder), lakes.TODAY)
    shelf.keep("emptied")
    return shelf


def _shelf(factory: pytest.TempPathFactory) -> Shelf:
    folder = factory.mktemp("privacy") / "work"
    folder.mkdir()
    return Shelf(folder)


@pytest.fixture
def seen_lake(built: Shelf, own_key: None) -> Path:
    """The folder with the lake as it was built, for a test that changes nothing."""
    return built.show("built")


@pytest.fixture
def lake(built: Shelf, own_key: None) -> Path:
    """The folder with the lake, as it was built."""
    return built.show("built", to_change=True)


@pytest.fixture
def seen_erased(built: Shelf, emptied: Erasure, own_key: None) -> Path:
    """The folder with the lake after the client's erasure, for a test that changes nothing."""
    return built.show("emptied")


@pytest.fixture
def erased(built: Shelf, emptied: Erasure, own_key: None) -> Path:
    """The folder with the lake after the client's erasure."""
    return built.show("emptied", to_change=True)


@pytest.fixture
def own_key(built: Shelf) -> Iterator[None]:
    """The lake's key is the process's own, which `verify` uses."""
    yield from _with_key(built.folder)


@pytest.fixture
def small(small_shelf: Shelf) -> Iterator[tuple[Path, Settings]]:
    """The folder of a lake of one night with few tables, and its settings."""
    yield from _small(small_shelf, "built")


@pytest.fixture
def small_erased(small_shelf: Shelf) -> Iterator[tuple[Path, Settings]]:
    """The same lake after the client's erasure."""
    yield from _small(small_shelf, "emptied")


def _small(shelf: Shelf, moment: str) -> Iterator[tuple[Path, Settings]]:
    for _ in _with_key(shelf.folder):
        yield shelf.show(moment, to_change=True), lakes.settings_of(shelf.folder)


def _with_key(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_KEY_FILE", str(lakes.settings_of(folder).key_file))
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@pytest.fixture
def settings(built: Shelf) -> Settings:
    """The settings of the lake."""
    return lakes.settings_of(built.folder)
