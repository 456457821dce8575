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
# Of about 230 effects: rows have left some tables, and others still have theirs.
_MIDWAY = 115


def _kills(folder: Path, *at: int) -> list[Any]:
    """An erasure killed at one effect, or at each."""
    command = [sys.executable, str(_SCRIPT), str(folder / "work"), *map(str, at)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-3000:]
    return [json.loads(line) for line in answer.stdout.splitlines()]


def _is_complete(found: dict[str, Any]) -> bool:
    return found == {
        "was_begun": found["was_begun"],
        "is_told": found["was_begun"],  # verify tells of what was begun, and of nothing else
        "is_erased": True,
        "erasures": 1,
        "is_finished": True,
        "verified": 1,
        "traces": [],
    }


def test_a_kill_midway(tmp_path: Path) -> None:
    ((_, _, found),) = _kills(tmp_path, _MIDWAY)
    assert found["was_begun"]
    assert _is_complete(found)


@pytest.mark.long
def test_a_kill_at_each_effect(tmp_path: Path) -> None:
    runs = _kills(tmp_path)
    assert [deadly for deadly, _, found in runs if not _is_complete(found)] == []
    begun = [found["was_begun"] for _, _, found in runs]
    # Before the plan is sealed nothing was begun, after the seal of completion nothing is left to do.
    assert not begun[0]
    assert not begun[-1]
    assert any(begun)
    effects = Counter(runs[-1][1])
    assert {"file made, empty", "file removed", "catalog switched", "file replaced"} <= effects.keys()
    assert len(runs) == effects.total() + 1
