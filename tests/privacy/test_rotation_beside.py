"""A rotation of pseudonyms and an erasure wait for each other: what was read before is not written after."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import Timeout

from include.lake.night_lock import LOCK_FILE
from include.night.rotation import Rotation
from include.privacy import erase
from include.security import file_lock
from include.settings import Settings
from tests.privacy.lakes import CLIENT, TODAY, uri_of

Small = tuple[Path, Settings]
_LOCKS = (LOCK_FILE, "keys/.names.lock")


def _held(lake: Path) -> list[str]:
    """Those of the lake's locks that somebody holds."""
    return [name for name in _LOCKS if not _can_take(lake / "lake" / name)]


def _can_take(lock: Path) -> bool:
    try:
        with file_lock.held(lock, seconds=0):
            return True
    except Timeout:
        return False


def _watched(step: Callable[..., Any], lake: Path, seen: list[str]) -> Callable[..., Any]:
    """The step, which first notes the locks that are held."""

    def watched(*args: Any) -> Any:
        seen.extend(_held(lake))
        return step(*args)

    return watched


def test_an_erasure_holds_the_nights_and_the_keys(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, settings = small
    seen: list[str] = []
    # By its name in full: the package has a function of the module's name.
    erasing = importlib.import_module("include.privacy.erase")
    monkeypatch.setattr(erasing, "run_steps", _watched(lambda *_: None, lake, seen))
    erase(uri_of(lake), CLIENT, settings, TODAY)
    assert seen == [*_LOCKS]
    assert _held(lake) == []


def test_a_rotation_rewrites_while_no_erasure_is_at_work(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, settings = small
    rotation, seen = Rotation.open(uri_of(lake), settings), list[str]()
    monkeypatch.setattr(Rotation, "_lacking", lambda *_: [rotation.lake.manifest().to_pylist()[0]])
    for step in ("_rewrite", "_rewrite_statics"):
        monkeypatch.setattr(Rotation, step, _watched(lambda *_: None, lake, seen))
    assert rotation.rewrite(rotation.begun()) == 1
    assert seen == [LOCK_FILE] * 2
