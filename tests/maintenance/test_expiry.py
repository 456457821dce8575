"""Snapshots and files go once nobody can be using them, and no earlier."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.errors import IntegrityError
from include.lake import commit
from include.lake.data_files import data_files, read_data_files
from include.maintenance import expiry
from include.maintenance.compaction import compact_manifests
from include.maintenance.expiry import HELD, expire_snapshots, hold_snapshot, remove_unused_files
from tests.lake.nights import STATE, accounts, night_number, open_lake, publish_night, rows_of, seen, stamp_of, whole
from tests.maintenance.lakes import FIRST, LATER, NIGHTS, SAFE, everything, files_in, grow_old, moment

NIGHT = night_number(FIRST)


def tidy(lake, at, name=STATE.name):
    """Expiry and removal for one table; the paths that were removed."""
    expire_snapshots(lake._catalog, name, at.safe_age, at, is_dry=False)
    return {file.place for file in remove_unused_files(lake._catalog, name, at.safe_age, at, is_dry=False)}


def written_long_ago(folder, days=100):
    """Make every file as old as if the nights had been played long before."""
    past = time.time() - days * 86400
    for file in (folder / "ads").rglob("*.*"):
        os.utime(file, (past, past))


def replace_again(lake, times):
    for _ in range(times):
        lake.replace(STATE, NIGHT, rows_of(STATE, NIGHT, "a"), stamp_of("a", NIGHT))


def test_what_was_replaced_long_ago_goes_with_its_files(lake, folder):
    replace_again(lake, 3)
    compact_manifests(lake._catalog, STATE.name, is_dry=False)
    before, files = everything(lake), files_in(folder)
    removed = tidy(lake, moment())
    assert removed
    assert removed <= files.keys()
    assert not removed & files_in(folder).keys()
    table = lake._catalog.load(STATE.name)
    assert len(table.snapshots()) == 1
    stored = {path for path in files_in(folder) if "state_things/data" in path}
    assert stored == {file.file_path for file in data_files(table)}
    assert everything(lake) == before
    assert tidy(lake, moment()) == set()


def test_nothing_young_is_touched(lake, folder):
    replace_again(lake, 3)
    files = files_in(folder)
    assert tidy(lake, moment(after=timedelta(0))) == set()
    assert tidy(lake, moment(after=SAFE - timedelta(minutes=10))) == set()
    assert files_in(folder) == files


def test_a_reader_that_planned_a_moment_ago_keeps_old_files_that_were_just_replaced(lake, folder):
    """The files are a hundred days old and out of every snapshot: their age alone says nothing."""
    written_long_ago(folder)
    table = lake._catalog.load(STATE.name)
    planned = data_files(table)
    replace_again(lake, 20)  # so that no snapshot is left that the reader's files are in
    kept = {file.file_path for file in data_files(lake._catalog.load(STATE.name))}
    assert {file.file_path for file in planned} - kept
    now = moment(after=timedelta(0))
    assert tidy(lake, now) == set()
    assert read_data_files(table, planned, STATE.schema).num_rows == 3 * len(planned)


def test_where_every_snapshot_is_young_one_is_held_until_it_is_old_enough(lake, folder):
    """A table that is written often keeps no snapshot of the safe age by itself."""
    written_long_ago(folder)
    replaced = {file.file_path for file in data_files(lake._catalog.load(STATE.name), NIGHT, NIGHT)}
    replace_again(lake, 12)
    assert hold_snapshot(lake._catalog, STATE.name, moment(after=timedelta(0)))
    assert not hold_snapshot(lake._catalog, STATE.name, moment(after=timedelta(0)))
    held = lake._catalog.load(STATE.name).metadata.refs[HELD].snapshot_id
    time.sleep(2)
    replace_again(lake, 12)
    table = lake._catalog.load(STATE.name)
    assert table.snapshot_by_id(held) is not None, "a night's commits keep what is held"
    # A second before the last twelve commits were made the safe age ends.
    newest = [snapshot.timestamp_ms for snapshot in table.snapshots() if snapshot.snapshot_id != held]
    now = datetime.fromtimestamp(min(newest) / 1000, UTC) - timedelta(milliseconds=1) + SAFE
    at = moment_at(now)
    removed = tidy(lake, at)
    # The tag bounds it: files of before the tag, long written, go; those of the last commits stay.
    assert replaced <= removed
    assert all(Path(file.file_path).exists() for file in data_files(lake._catalog.load(STATE.name)))
    assert hold_snapshot(lake._catalog, STATE.name, at)
    assert lake._catalog.load(STATE.name).metadata.refs[HELD].snapshot_id != held
    assert hold_snapshot(lake._catalog, STATE.name, moment())  # old enough by itself: nothing needs to be held
    assert HELD not in lake._catalog.load(STATE.name).metadata.refs


def moment_at(now):
    return moment(after=now - datetime.now(UTC))


def test_a_table_written_all_day_long_is_not_held_against_its_readers(lake, folder):
    replace_again(lake, 12)
    now = moment(after=timedelta(0), safe_age=timedelta(days=1))
    assert tidy(lake, now) == set()


def test_what_a_killed_run_left_goes_when_it_is_old(lake, folder):
    left = folder / "ads" / "state_things" / "data" / "settlement_date=2020-02-01" / "left.parquet"
    left.write_bytes(b"half a file")
    assert tidy(lake, moment(after=timedelta(hours=1))) == set()
    assert str(left) in tidy(lake, moment())
    assert not left.exists()


def test_a_snapshot_that_became_due_after_the_expiry_keeps_its_files(lake, folder):
    """The tasks of a maintenance go by a time each, and one that is cleared alone runs days after the others."""
    replace_again(lake, 3)
    remove_unused_files(lake._catalog, STATE.name, SAFE, moment(), is_dry=False)
    table = lake._catalog.load(STATE.name)
    assert len(table.snapshots()) > 1
    for snapshot in table.snapshots():
        assert all(Path(manifest.manifest_path).exists() for manifest in snapshot.manifests(table.io))


def test_beside_snapshots_of_long_ago_a_young_file_stays_that_no_snapshot_names_yet(lake, folder):
    """A run writes its files before the commit that names them."""
    grow_old(folder)
    data = folder / "ads" / "state_things" / "data"
    ages = {data / "left.parquet": SAFE + timedelta(minutes=1), data / "written.parquet": SAFE - timedelta(minutes=10)}
    for file, age in ages.items():
        file.write_bytes(b"rows")
        os.utime(file, (time.time() - age.total_seconds(),) * 2)
    assert tidy(lake, moment(after=timedelta(0))) & set(map(str, ages)) == {str(data / "left.parquet")}
    assert (data / "written.parquet").exists()


def test_somebodys_own_file_stays(lake, folder):
    own = folder / "ads" / "state_things" / "data" / "notes.txt"
    own.write_text("do not touch")
    tidy(lake, moment())
    assert own.exists()


def test_a_dry_run_tells_the_files_of_the_snapshots_that_would_expire(lake, folder):
    replace_again(lake, 3)
    compact_manifests(lake._catalog, STATE.name, is_dry=False)
    files, at = files_in(folder), moment()
    told = {file.place for file in remove_unused_files(lake._catalog, STATE.name, SAFE, at, is_dry=True)}
    assert files_in(folder) == files
    assert tidy(lake, at) - told == set()
    assert told


def test_a_static_relations_history_is_kept_for_its_days(tmp_path):
    lake = open_lake(tmp_path / "lake")
    for number in range(4):
        lake.replace_static("fin_account", accounts(f"as of {number}"), stamp_of("a", night_number(number)))
    for days, left in ((80, 4), (100, 1)):
        at, kept = moment(after=timedelta(days=days)), timedelta(days=92)
        expire_snapshots(lake._catalog, "fin_account", kept, at, is_dry=False)
        remove_unused_files(lake._catalog, "fin_account", kept, at, is_dry=False)
        table = lake._catalog.load("fin_account")
        assert len(table.snapshots()) == left
        assert len(list((tmp_path / "lake" / "ads" / "fin_account" / "data").rglob("*.parquet"))) == left
    assert set(lake.read("fin_account")["source_uri"].to_pylist()) == {"as of 3"}


@pytest.mark.parametrize("after", [LATER, timedelta(0)], ids=["long after the last night", "right after it"])
def test_a_damaged_table_loses_nothing_more(lake, folder, after):
    replace_again(lake, 3)
    used = data_files(lake._catalog.load(STATE.name))[0].file_path
    Path(used).unlink()
    files = files_in(folder)
    with pytest.raises(IntegrityError, match=r"state_things names 1 files that do not lie in its folder.*backup"):
        remove_unused_files(lake._catalog, STATE.name, SAFE, moment(after), is_dry=False)
    assert files_in(folder) == files


def test_a_night_that_is_added_between_the_listing_and_the_look_is_no_damage(lake, folder, monkeypatch):
    other, original = open_lake(folder), expiry.stored_files

    def overtaken(table):
        found = original(table)
        monkeypatch.setattr(expiry, "stored_files", original)
        publish_night(other, stamp_of("a", night_number(FIRST + 40)))
        return found

    monkeypatch.setattr(expiry, "stored_files", overtaken)
    removed = tidy(lake, moment(after=timedelta(0)))
    assert removed == set()
    assert seen(lake, night_number(FIRST + 40)) == whole("a")


def test_a_commit_whose_expiring_snapshots_a_maintenance_has_expired_is_planned_again(lake, folder, monkeypatch):
    """Both expire the same snapshots, and the rows in between are the same: no conflict that pyiceberg would find."""
    replace_again(lake, 8 - len(lake._catalog.load(STATE.name).snapshots()) % 8)
    while len(lake._catalog.load(STATE.name).snapshots()) < 8:
        replace_again(lake, 1)
    original = commit._expire_snapshots

    def overtaken(transaction):
        original(transaction)
        monkeypatch.setattr(commit, "_expire_snapshots", original)
        assert expire_snapshots(open_lake(folder)._catalog, STATE.name, SAFE, moment(), is_dry=False)

    monkeypatch.setattr(commit, "_expire_snapshots", overtaken)
    replace_again(lake, 1)
    assert lake.read(STATE).num_rows == 3 * NIGHTS


def test_a_night_goes_on_after_the_files_are_gone(lake):
    for name in lake._catalog.names():
        tidy(lake, moment(LATER), name)
    publish_night(lake, stamp_of("b", NIGHT))
    assert set(lake.read(STATE, NIGHT, NIGHT)["run"].to_pylist()) == {"b"}
