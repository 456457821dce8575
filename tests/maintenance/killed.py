"""Maintains a lake and is killed at one more of its effects each time; test_kills starts it as a program of its own."""

import json
import os
import shutil
import sys
from datetime import date, timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from include.lake.data_files import data_files
from include.maintenance import STEPS, compaction
from include.settings import get_settings
from tests.lake.killing import in_child
from tests.lake.nights import STATE, night_number, open_lake
from tests.maintenance import lakes

LONG_AGO, NIGHT = date(2018, 1, 1), night_number(30)
"""A night that retention is due for, and one that is kept."""
RETENTION = {STATE.name: 549, "fin_transaction": 549}


def build(folder):
    """Publish each night twice, a hundred days ago, with some rows of one run and night in several files."""
    lake = open_lake(folder)
    for run in "ab":
        for night in (LONG_AGO, NIGHT):
            lakes.publish_honestly(lake, night, run)
    lakes.several_files(lake, NIGHT, "b", 2)
    lakes.grow_old(folder)


def maintain(folder, days=0):
    work = lakes.maintenance(folder, after=timedelta(days=days), retention=RETENTION)
    for step in STEPS.values():
        step(work)


def looked(folder):
    """What readers see of the nights, by table, and whether these hold."""
    lake = open_lake(folder)
    rows = {name: sorted(map(repr, lake.read(name).to_pylist())) for name in lake.catalog.names()}
    return {"rows": rows, "retired": lakes.verified(folder)["retired"]}


def completed(folder):
    """The same after another maintenance, and one of the days after, and which files are left that nobody needs."""
    maintain(folder)
    found = looked(folder)
    for _ in range(2):
        maintain(folder, days=3)
    assert looked(folder) == found
    return {**found, "left": [*_left(folder)]}


def _left(folder):
    lake = open_lake(folder)
    for name in lake.catalog.names():
        table = lake.catalog.load(name)
        stored = {str(path) for path in (folder / "ads" / name / "data").rglob("*.parquet")}
        if name != "fin_account":  # whose history is kept for longer
            yield from stored - {file.file_path for file in data_files(table)}


def main(folder, step):
    """Kill at every `step`th effect, on a lake that is put back each time; tell what was seen then, and after the next.

    The first line tells what was seen before.
    """
    folder, saved = Path(folder), Path(folder).with_name("saved")
    os.environ["ADS_KEY_FILE"] = str(folder.with_name("lake.key"))
    get_settings.cache_clear()
    # So that so few nights are compacted.
    compaction.LEAST_SPARE = 1
    in_child(partial(build, folder))
    shutil.copytree(folder, saved)
    print(json.dumps(in_child(partial(looked, folder))), flush=True)
    deadly, effects = 1, None
    while effects is None:
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
        effects = in_child(partial(maintain, folder), deadly)
        print(
            json.dumps([deadly, effects, in_child(partial(looked, folder)), in_child(partial(completed, folder))]),
            flush=True,
        )
        deadly += step


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
