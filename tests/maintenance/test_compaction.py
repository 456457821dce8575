"""Fewer manifests and data files, and the same rows, runs and nights in them."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
from pyiceberg.manifest import ManifestFile

from include.lake.data_files import data_files, night_of, run_key_of
from include.lake.erasing import unreferenced_files
from include.lake.manifests import monthly_layout
from include.maintenance import compaction
from include.maintenance.compaction import ATTEMPT, LEAST_SPARE, compact_data_files, compact_manifests
from include.masking.tables import MASKED_TABLES
from tests.lake.nights import STATE, accounts, night_number, open_lake, publish_night, rows_of, seen, stamp_of, whole
from tests.maintenance.lakes import FIRST, NIGHTS, everything, lake_of_nights, several_files

NEXT = FIRST + NIGHTS


def manifests_of(lake, name):
    table = lake._catalog.load(name)
    return table.current_snapshot().manifests(table.io)


def entries_of(lake, name):
    table = lake._catalog.load(name)
    return {
        (entry.data_file.file_path, entry.snapshot_id, entry.sequence_number, entry.file_sequence_number)
        for manifest in manifests_of(lake, name)
        for entry in manifest.fetch_manifest_entry(table.io)
    }


def test_a_month_of_nights_becomes_one_manifest_and_the_files_stay_what_they_are(lake):
    before, files = everything(lake), entries_of(lake, STATE.name)
    assert compact_manifests(lake._catalog, STATE.name, is_dry=False) == NIGHTS - 2
    assert len(manifests_of(lake, STATE.name)) == 2  # January and February
    assert entries_of(lake, STATE.name) == files
    assert everything(lake) == before
    snapshot = lake._catalog.load(STATE.name).current_snapshot()
    assert snapshot.summary.operation.value == "replace"
    assert snapshot.summary["total-data-files"] == str(NIGHTS)
    assert snapshot.summary["ads.attempt"] == ATTEMPT


def test_a_plan_of_one_night_reads_the_manifest_of_its_month_alone(lake, monkeypatch):
    compact_manifests(lake._catalog, STATE.name, is_dry=False)
    read = []
    original = ManifestFile.fetch_manifest_entry
    monkeypatch.setattr(
        ManifestFile, "fetch_manifest_entry", lambda self, *a, **k: read.append(self) or original(self, *a, **k)
    )
    (file,) = data_files(lake._catalog.load(STATE.name), date(2020, 1, 30), date(2020, 1, 30))
    assert night_of(file) == date(2020, 1, 30)
    assert len(read) == 1


def test_what_is_rewritten_is_not_rewritten_again(lake):
    compact_manifests(lake._catalog, STATE.name, is_dry=False)
    where = lake._catalog.load(STATE.name).metadata_location
    assert compact_manifests(lake._catalog, STATE.name, is_dry=False) == 0
    assert lake._catalog.load(STATE.name).metadata_location == where


def test_a_few_new_manifests_wait_and_the_months_that_are_whole_stay(lake):
    compact_manifests(lake._catalog, STATE.name, is_dry=False)
    whole_months = {each.manifest_path for each in manifests_of(lake, STATE.name)}
    for number in range(NEXT, NEXT + LEAST_SPARE - 1):
        publish_night(lake, stamp_of("a", night_number(number)))
    assert compact_manifests(lake._catalog, STATE.name, is_dry=False) == 0
    publish_night(lake, stamp_of("a", night_number(NEXT + LEAST_SPARE)))
    assert compact_manifests(lake._catalog, STATE.name, is_dry=False) == LEAST_SPARE
    assert len({each.manifest_path for each in manifests_of(lake, STATE.name)} & whole_months) == 1


def test_a_dry_run_rewrites_nothing(lake):
    where = lake._catalog.load(STATE.name).metadata_location
    assert compact_manifests(lake._catalog, STATE.name, is_dry=True) == NIGHTS - 2
    assert lake._catalog.load(STATE.name).metadata_location == where


def test_nights_are_published_and_restated_as_before(lake):
    for name in lake._catalog.names():
        compact_manifests(lake._catalog, name, is_dry=False)
    for number in (FIRST + 1, NEXT):
        publish_night(lake, stamp_of("b", night_number(number)))
    assert [seen(lake, night_number(number)) for number in (FIRST, FIRST + 1, NEXT)] == [
        whole("a"),
        whole("b"),
        whole("b"),
    ]
    assert lake.read(STATE).num_rows == 3 * (NIGHTS + 1)


def test_manifests_of_removed_rows_alone_go(tmp_path):
    lake = lake_of_nights(tmp_path / "lake", range(3))
    for _ in range(3):
        for number in range(3):
            night = night_number(number)
            lake.replace(STATE, night, rows_of(STATE, night, "a"), stamp_of("a", night))
    assert len(manifests_of(lake, STATE.name)) > 3 + LEAST_SPARE
    compact_manifests(lake._catalog, STATE.name, is_dry=False)
    (manifest,) = manifests_of(lake, STATE.name)
    assert (manifest.existing_files_count, manifest.added_files_count, manifest.deleted_files_count) == (3, 0, 0)


def test_an_older_night_still_does_not_replace_a_later_nights_static_relation(tmp_path):
    lake = open_lake(tmp_path / "lake")
    for number in range(12):
        lake.replace_static("fin_account", accounts(f"as of {number}"), stamp_of("a", night_number(number)))
    assert compact_manifests(lake._catalog, "fin_account", is_dry=False) >= LEAST_SPARE
    snapshots = len(lake._catalog.load("fin_account").snapshots())
    lake.replace_static("fin_account", accounts("as of 11"), stamp_of("b", night_number(11)))
    lake.replace_static("fin_account", accounts("as of 5"), stamp_of("b", night_number(5)))
    assert len(lake._catalog.load("fin_account").snapshots()) == snapshots
    assert set(lake.read("fin_account")["source_uri"].to_pylist()) == {"as of 11"}


def test_a_rewriting_that_a_night_overtakes_is_planned_again(lake, folder, monkeypatch):
    other, done = open_lake(folder), []

    def overtaken(table):
        layout = monthly_layout(table)
        if len(done) == 1:
            publish_night(other, stamp_of("b", night_number(NEXT)))
        done.append(layout)
        return layout

    monkeypatch.setattr(compaction, "monthly_layout", overtaken)
    compact_manifests(lake._catalog, STATE.name, is_dry=False)
    assert len(done) == 3  # for the count, for the lost race, for the commit
    assert len(entries_of(lake, STATE.name)) == NIGHTS + 1
    assert seen(lake, night_number(NEXT)) == whole("b")


def test_pseudonyms_of_two_key_versions_stay_apart(tmp_path):
    """Readers see the files of one key version; a file of two would be taken for the lower one."""
    lake, night = open_lake(tmp_path / "lake"), night_number(0)
    stamp, masked = stamp_of("a", night), MASKED_TABLES["alerts"]
    schema = pa.schema([field for field in masked.schema if field.name != "run_key"])
    for version in (1, 2):
        row = {"settlement_date": night, "key_version": version}
        lake.replace(masked, night, pa.Table.from_pylist([row], schema), stamp, version)
    lake.show_version(1, stamp)
    publish_night(lake, stamp)
    assert compact_data_files(lake._catalog, masked.name, is_dry=False) == 0
    for version in (1, 2):
        lake.show_version(version, stamp)
        assert lake.read(masked, night, night)["key_version"].to_pylist() == [version]


def test_what_is_merged_while_the_night_is_published_again_leaves_no_file(lake, monkeypatch):
    several_files(lake, night_number(FIRST), "a", 2)
    original = compaction.write_data_file

    def overtaken(*args):
        merged = original(*args)
        publish_night(lake, stamp_of("b", night_number(FIRST)))
        return merged

    monkeypatch.setattr(compaction, "write_data_file", overtaken)
    compact_data_files(lake._catalog, STATE.name, is_dry=False)
    assert seen(lake, night_number(FIRST)) == whole("b")
    assert unreferenced_files(lake._catalog.load(STATE.name)) == []


def test_files_of_one_run_and_night_become_one_and_no_others(tmp_path):
    lake = lake_of_nights(tmp_path / "lake", range(3))
    several_files(lake, night_number(1), "a", 4)
    several_files(lake, night_number(1), "b", 2)
    before = everything(lake)
    assert compact_data_files(lake._catalog, STATE.name, is_dry=True) == 5
    assert compact_data_files(lake._catalog, STATE.name, is_dry=False) == 5
    table = lake._catalog.load(STATE.name)
    found = sorted((night_of(file), run_key_of(table, file)[0], file.record_count) for file in data_files(table))
    assert found == [
        (night_number(0), "a", 3),
        (night_number(1), "a", 11),
        (night_number(1), "b", 4),
        (night_number(2), "a", 3),
    ]
    assert everything(lake) == before
    assert compact_data_files(lake._catalog, STATE.name, is_dry=False) == 0
