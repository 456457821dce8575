"""Maintenance beside a running night, a backfill and a reader: nothing that anybody wrote or reads is lost.

The lake has aged by a hundred days, so that there is much to remove, while whatever the others write is of now.
"""

from __future__ import annotations

import random
import shutil
import threading
import time
from datetime import date, timedelta

import pytest

from include.lake.data_files import data_files, read_paths
from include.lake.iceberg_catalog import arrow_schema
from include.maintenance.expiry import HELD
from include.maintenance.maintain import STEPS
from include.settings import get_settings
from tests.lake.nights import KEYED, STATE, night_number, open_lake
from tests.lake.test_races import at_once
from tests.maintenance.lakes import everything, grow_old, maintenance, publish_honestly, verified

LONG_AGO, NIGHTS = date(2018, 1, 1), [night_number(number) for number in range(28, 34)]
"""A night that retention is due for; and the nights of this year: three in January, three in February."""
TOMORROW = NIGHTS[-1] + timedelta(days=1)
RETENTION = {STATE.name: 549}
SHORT, LONG = range(1), range(50)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A lake in which each night was published twice, a hundred days ago, and the place that its paths name."""
    folder = tmp_path_factory.mktemp("races")
    lake = open_lake(folder / "lake")
    for run in "ab":
        for night in (LONG_AGO, *NIGHTS):
            publish_honestly(lake, night, run)
    grow_old(folder / "lake")
    shutil.move(folder / "lake", folder / "kept")
    return folder


@pytest.fixture
def key(tmp_path, monkeypatch):
    monkeypatch.setenv("ADS_KEY_FILE", str(tmp_path / "keys" / "lake.key"))
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.mark.slow
@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("seed", SHORT)
def test_maintenance_beside_a_night_a_backfill_and_a_reader(kept, seed):
    race(kept, seed)


@pytest.mark.long
@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("seed", LONG[len(SHORT) :])
def test_the_other_races(kept, seed):
    race(kept, seed)


def race(kept, seed):
    folder, chance = kept / "lake", random.Random(seed)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept / "kept", folder)
    again = chance.sample([LONG_AGO, *NIGHTS], 3)
    looks, over, removed = [], threading.Event(), []
    plans = planned(open_lake(folder))

    def late(act):
        pause = chance.uniform(0, 0.6)

        def run():
            time.sleep(pause)
            act()

        return run

    def maintain():
        work = maintenance(folder, after=timedelta(0), retention=RETENTION)
        done = {key: value for step in STEPS.values() for key, value in step(work).items()}
        removed.append(done["removed_files"])

    def play():
        for number in range(2):
            publish_honestly(open_lake(folder), TOMORROW + timedelta(days=number), "c")

    def backfill():
        try:
            for night in again:
                publish_honestly(open_lake(folder), night, "c")
        finally:
            over.set()

    def read():
        lake = open_lake(folder)
        while not over.is_set():
            night = chance.choice([LONG_AGO, *NIGHTS])
            looks.append((night, lake.read(STATE, night, night)["run"].to_pylist()))

    assert at_once(late(maintain), late(play), late(backfill), read) == [None] * 4
    lake = open_lake(folder)
    assert [look for look in looks if not is_whole(*look)] == []
    assert removed[0] > 0 or holds_snapshots(lake), "the files of a hundred days ago that nobody reads"
    assert [read_planned(lake, *plan) for plan in plans] == [count for *_, count in plans]
    expected = dict.fromkeys(NIGHTS, "b") | dict.fromkeys([*again, TOMORROW, TOMORROW + timedelta(days=1)], "c")
    assert {night: runs_of(lake, night) for night in expected if night != LONG_AGO} == {
        night: [[run] * 3] * len(KEYED) for night, run in expected.items() if night != LONG_AGO
    }
    assert set(verified(folder)["retired"]) <= {LONG_AGO.isoformat()}
    assert_tidied(folder)


def holds_snapshots(lake):
    """Whether the others had written so often that no snapshot of before was left; maintenance then holds one."""
    return any(HELD in lake.catalog.load(name).metadata.refs for name in lake.catalog.names())


def planned(lake):
    """What a reader has planned: by table, the paths of its files and the number of their rows."""
    tables = {name: lake.catalog.load(name) for name in lake.catalog.names()}
    files = {name: data_files(table) for name, table in tables.items()}
    return [
        (name, [each.file_path for each in found], sum(f.record_count for f in found)) for name, found in files.items()
    ]


def read_planned(lake, name, paths, _):
    table = lake.catalog.load(name)
    return read_paths(table, paths, arrow_schema(table)).num_rows


def is_whole(night, runs):
    return (len(set(runs)) == 1 and len(runs) == 3) or (night == LONG_AGO and not runs)


def runs_of(lake, night):
    column = {"fin_transaction": "source_uri", STATE.name: "run"}
    return [lake.read(table, night, night)[column[table.name]].to_pylist() for table in KEYED]


def assert_tidied(folder):
    """Two maintenances of some days later still see every row, and leave the files of these rows alone.

    The first lets the snapshot go that the one in the race held.
    """
    work = maintenance(folder, retention=RETENTION)
    work.retire()
    before = everything(open_lake(folder))
    for name in ("compact", "expire", "remove_files") * 2:
        STEPS[name](work)
    assert everything(open_lake(folder)) == before
    for name, table in work.tables().items():
        stored = {str(path) for path in (folder / "ads" / name / "data").rglob("*.parquet")}
        if name != "fin_account":  # whose history is kept for longer
            assert stored == {file.file_path for file in data_files(table)}
    assert verified(folder)["retired"] == {LONG_AGO.isoformat(): [STATE.name]}
