"""A run killed at any of its effects leaves the night as it was or as it is to be, and the next run completes it."""

import json
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.lake.nights import KEYED, ROWS_PER_TABLE, open_lake, publish_night, seen, stamp_of, whole

SCRIPT = Path(__file__).with_name("killed.py")


def kill_at_each_effect(folder, old):
    answer = subprocess.run(
        [sys.executable, SCRIPT, folder, "2020-01-01", old], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    *killed, last = (json.loads(line) for line in answer.stdout.splitlines())
    return [date.fromisoformat(night) for night, _ in killed], Counter(last[1])


def exactly_once(lake, night, run):
    census = lake.census(night).to_pylist()
    return census == [
        {"table": name, "run_key": run * 16, "row_count": ROWS_PER_TABLE, "is_published": True}
        for name in sorted(table.name for table in KEYED)
    ]


@pytest.mark.slow
def test_killed_at_each_effect(tmp_path):
    nights, effects = kill_at_each_effect(tmp_path / "lake", "a")
    # Every kind of effect was met in every commit: two tables, the manifest, the sweep of two tables.
    assert effects["catalog switched"] >= 5
    assert effects["file made, empty"] >= 4 * 3 + 3 * 2
    assert len(nights) == sum(effects.values())
    lake = open_lake(tmp_path / "lake")
    found = [seen(lake, night) for night in nights]
    assert [what for what in found if what not in (whole("a"), whole("b"))] == []
    assert found[0] == whole("a")
    assert found[-1] == whole("b")
    # The sweep comes after the switch, so the last third of the nights shows whether it is done again.
    for night in nights[::3] + nights[-2:]:
        publish_night(open_lake(tmp_path / "lake"), stamp_of("b", night, "second"))
        assert seen(lake, night) == whole("b")
        assert exactly_once(lake, night, "b")
