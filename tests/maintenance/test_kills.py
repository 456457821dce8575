"""Maintenance killed between any two of its effects: readers see the same, and the next one completes it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from include.lake.retired import RETIRED
from include.maintenance import storage
from tests.lake.nights import KEYED, ROWS_PER_TABLE
from tests.maintenance.killed import LONG_AGO
from tests.maintenance.lakes import LATER, everything, files_in, maintenance

SCRIPT = Path(__file__).with_name("killed.py")
# Of some 120 effects most are removals of one file after the other. With an odd step half of the kills come before an
# effect and half after it.
STEP = 3


class KilledError(Exception):
    """The end of the process."""


def test_killed_between_two_removals_the_next_one_removes_the_rest(lake, folder, monkeypatch):
    before, removed, original = everything(lake), [], storage._remove_one
    maintenance(folder).expire()

    def killed(filesystem, place):
        if removed:
            raise KilledError
        removed.append(original(filesystem, place))

    with pytest.raises(KilledError), monkeypatch.context() as patched:
        patched.setattr(storage, "_REQUESTS_AT_ONCE", 1)
        patched.setattr(storage, "_remove_one", killed)
        maintenance(folder).remove_files()
    assert len(removed) == 1
    assert everything(lake) == before
    assert maintenance(folder).remove_files()["removed_files"] > 0
    files = files_in(folder)
    assert maintenance(folder, 2 * LATER).remove_files()["removed_files"] == 0
    assert (files_in(folder), everything(lake)) == (files, before)


@pytest.mark.long
def test_killed_between_any_two_effects(tmp_path):
    answer = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "lake", str(STEP)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    before, *runs = map(json.loads, answer.stdout.splitlines())
    assert [deadly for deadly, _, seen, _ in runs if not is_harmless(before, seen)] == []
    completed = runs[-1][3]
    assert [deadly for deadly, *_, found in runs if told(found) != told(completed)] == []
    assert completed["left"] == []
    assert set(completed["retired"][LONG_AGO.isoformat()]) == {table.name for table in KEYED}
    effects = Counter(runs[-1][1])
    assert {"file made, empty", "file removed", "catalog switched"} <= effects.keys()
    assert len(runs) >= effects.total() / STEP


def is_harmless(before, seen):
    """Whether readers see all of the nights that are kept, and of the retired one each table whole or not at all."""
    of_long_ago = [[row for row in seen["rows"][table.name] if is_of_long_ago(row)] for table in KEYED]
    return told(seen)["rows"] == told(before)["rows"] and {len(rows) for rows in of_long_ago} <= {0, ROWS_PER_TABLE}


def is_of_long_ago(row):
    return repr(LONG_AGO) in row


def told(found):
    """What was found, without the rows that retention may have removed and the moment of their removal."""
    rows = {
        name: [row for row in rows if name not in (table.name for table in KEYED) or not is_of_long_ago(row)]
        for name, rows in found["rows"].items()
        if name != RETIRED.name
    }
    return {**found, "rows": rows}
