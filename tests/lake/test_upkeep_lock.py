"""Maintenance, erasures and rotations of one lake wait for each other, and for nobody else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from include.errors import LakeConflictError, MissingStateError, TerminalError
from include.lake import night_lock
from include.lake.night_lock import UPKEEP_LOCK_FILE, one_night_at_a_time, one_upkeep_at_a_time
from include.maintenance import STEPS
from include.night.rotation import Rotation
from include.privacy import erase
from include.settings import PROJECT_ROOT, Settings
from include.stages import tell, told
from tests.lake.nights import open_lake, publish_night, seen, stamp_of, whole
from tests.maintenance.lakes import files_in, maintenance

NIGHT = date(2020, 1, 1)
HOLDER = """
import sys, time
from include.lake.night_lock import one_upkeep_at_a_time
with one_upkeep_at_a_time(sys.argv[1], "this", print):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is at work on the lake until it is killed."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def _erase(folder: Path) -> None:
    with pytest.raises(TerminalError, match="state_things has no rule"):
        erase(str(folder), 1, _settings(folder), NIGHT, tell)


def _begin(folder: Path) -> None:
    with pytest.raises(MissingStateError, match="no key to replace"):
        Rotation.open(str(folder), _settings(folder)).begin()


def _settings(folder: Path) -> Settings:
    return Settings(key_file=folder / "lake.key", lake_uri=str(folder))


def _maintain(folder: Path, name: str) -> None:
    STEPS[name](maintenance(folder, key_file=folder / "lake.key"))


UPKEEP: dict[str, Callable[[Path], object]] = {
    "the step compact of the maintenance": partial(_maintain, name="compact"),
    "the erasure": _erase,
    "the beginning of the rotation": _begin,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A lake of one night."""
    publish_night(open_lake(tmp_path), stamp_of("a", NIGHT))
    return tmp_path


@pytest.mark.parametrize("work", UPKEEP)
def test_upkeep_waits_for_other_upkeep_until_that_has_ended(folder, holder, work):
    said: list[str] = []

    def kill(sentence: str) -> None:
        if "is at work" in sentence:
            said.append(sentence)
            holder.kill()

    with told(kill):
        UPKEEP[work](folder)
    assert said == [
        f"a maintenance, an erasure or a rotation of the pseudonyms' key is at work in {folder}: {work} waits until it "
        "is through"
    ]
    assert (folder / UPKEEP_LOCK_FILE).stat().st_mode & 0o777 == 0o600


def test_upkeep_that_waits_in_vain_says_what_may_be_at_work_and_changes_nothing(folder, holder, monkeypatch):
    monkeypatch.setattr(night_lock, "LONGEST_UPKEEP_WAIT_SECONDS", 0)
    before = files_in(folder)
    for name in STEPS:
        with pytest.raises(LakeConflictError, match=rf"the step {name} of.*lake_maintenance and key_rotation.*hangs"):
            _maintain(folder, name)
    assert files_in(folder) == before


def test_nights_readers_and_dry_runs_do_not_wait(folder, holder):
    said: list[str] = []
    with told(said.append), one_night_at_a_time(str(folder), NIGHT, said.append):
        publish_night(open_lake(folder), stamp_of("b", NIGHT))
        assert seen(open_lake(folder), NIGHT) == whole("b")
        for step in STEPS.values():
            step(maintenance(folder, is_dry=True, key_file=folder / "lake.key"))
    assert [sentence for sentence in said if "waits" in sentence] == []


def test_whoever_holds_it_may_take_it_again(tmp_path):
    said: list[str] = []
    for _ in range(2):
        first, again = (one_upkeep_at_a_time(lake, "this", said.append) for lake in (str(tmp_path), f"file:{tmp_path}"))
        with first, again:
            pass
    assert said == []
