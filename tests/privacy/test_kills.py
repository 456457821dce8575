"""An erasure that is killed anywhere is completed by the same command, and never counts twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

_SCRIPT = Path(__file__).with_name("killed.py")
# A prime, so that the few kills of an ordinary run fall on every kind of effect.
_FEW = 151


def _kill_at_every(step: int, folder: Path) -> list[Any]:
    answer = subprocess.run(
        [sys.executable, _SCRIPT, folder / "work", str(step)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    return [json.loads(line) for line in answer.stdout.splitlines()]


def _is_complete(found: dict[str, Any]) -> bool:
    return found == {
        "was_begun": found["was_begun"],
        "is_erased": True,
        "erasures": 1,
        "is_finished": True,
        "verified": 1,
        "traces": [],
    }


def _check(runs: list[Any]) -> None:
    assert [deadly for deadly, _, found in runs if not _is_complete(found)] == []
    begun = [found["was_begun"] for _, _, found in runs]
    # Before the plan is sealed nothing was begun, after the seal of completion nothing is left to do.
    assert not begun[0]
    assert not begun[-1]
    assert any(begun)


@pytest.mark.slow
def test_a_few_kills(tmp_path: Path) -> None:
    _check(_kill_at_every(_FEW, tmp_path))


@pytest.mark.long
def test_a_kill_at_each_effect(tmp_path: Path) -> None:
    runs = _kill_at_every(1, tmp_path)
    _check(runs)
    effects = Counter(runs[-1][1])
    assert {"file made, empty", "file removed", "catalog switched", "file replaced"} <= effects.keys()
    assert len(runs) == effects.total() + 1
