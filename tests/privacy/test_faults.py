"""An erasure that meets a fault says what is done, what is left and how to go on; the same command completes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.io.pyarrow import PyArrowFileIO
from tenacity import wait_none

from include.errors import PublishError
from include.lake import commit
from include.night import verify
from include.privacy import erase
from include.registry.erasures import FOLDER, ErasureLog
from include.settings import Settings
from tests.privacy.lakes import CLIENT, TODAY, traces, tree, uri_of
from tests.tableau.hyper import room

Small = tuple[Path, Settings]


def _lose(*_: object, **__: object) -> None:
    raise CommitFailedException("another commit went first")


def _forbid(_: object, path: str) -> None:
    raise PermissionError(13, "Permission denied", path)


def _lost_race(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commit, "_PAUSE", wait_none())
    patch.setattr(SqlCatalog, "commit_table", _lose)


def _no_permission(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PyArrowFileIO, "delete", _forbid)


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [(_lost_race, "other writers of the table went first"), (_no_permission, "[Errno 13] Permission denied")],
)
def test_a_fault_midway_is_told_and_mended_by_a_second_run(
    small: Small, break_it: Callable[[pytest.MonkeyPatch], None], reason: str
) -> None:
    lake, settings = small
    with pytest.MonkeyPatch.context() as patch:
        break_it(patch)
        with pytest.raises(PublishError) as told:
            erase(uri_of(lake), CLIENT, settings, TODAY)
    said = str(told.value)
    begun = ErasureLog.read(uri_of(lake), settings).unfinished
    assert begun is not None
    assert f"the erasure {begun.request} is begun and not finished: it stopped at alerts ({reason}" in said
    assert "Done: nothing. Left: alerts, anomaly_scores, " in said
    assert "files beside the tables, the case book, the seal. Mend the cause" in said
    assert str(CLIENT) not in said
    again = erase(uri_of(lake), CLIENT, settings, TODAY)
    assert (again["request"], traces(lake), verify(uri_of(lake))["nights"]) == (begun.request, [], 1)


def test_a_full_disk_is_told_before_and_after_the_plan_is_sealed(small: Small) -> None:
    lake, settings = small
    before = tree(lake)
    with room(100), pytest.raises(PublishError, match=r"nothing was erased: the plan could not be sealed.*room"):
        erase(uri_of(lake), CLIENT, settings, TODAY)
    assert {name for name in before.keys() ^ tree(lake).keys() if not name.endswith(".lock")} == set()
    # The sealed plan has some three thousand bytes, and each table's files have more.
    with (
        room(4000),
        pytest.raises(PublishError, match=r"stopped at alerts \(.*large.*Left: alerts, anomaly_scores"),
    ):
        erase(uri_of(lake), CLIENT, settings, TODAY)
    assert (lake / "lake" / FOLDER / "erasures.sealed").stat().st_size < 4000
    assert erase(uri_of(lake), CLIENT, settings, TODAY)["is_erased"]
    assert traces(lake) == []
