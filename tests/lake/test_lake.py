"""Nights written, read, replaced and replayed."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from include.errors import LakeConflictError, MissingStateError, SettingsError, TerminalError
from include.lake import TABLES, Lake, Table
from include.lake.location import LakeLocation
from tests.lake.nights import (
    KEYED,
    STATE,
    accounts,
    manifest_row,
    night_number,
    open_lake,
    publish_night,
    rows_of,
    seen,
    stamp_of,
    whole,
    write_night,
)

NIGHT = night_number(0)
A, B = stamp_of("a", NIGHT), stamp_of("b", NIGHT)


@pytest.fixture
def lake(tmp_path):
    return open_lake(tmp_path / "lake")


def current(lake):
    return set(lake.read("fin_account")["source_uri"].to_pylist())


def test_readers_see_nothing_before_the_manifest_row(lake):
    write_night(lake, A)
    assert seen(lake, NIGHT) is None
    assert lake.stray(NIGHT).num_rows == len(KEYED)
    lake.publish_manifest(manifest_row(A), A)
    assert seen(lake, NIGHT) == whole("a")
    assert lake.stray(NIGHT).num_rows == 0


def test_the_published_run_stays_whole_until_the_switch(lake):
    publish_night(lake, A)
    write_night(lake, B)
    assert seen(lake, NIGHT) == whole("a")
    lake.publish_manifest(manifest_row(B), B)
    assert seen(lake, NIGHT) == whole("b")
    assert set(lake.census(NIGHT)["run_key"].to_pylist()) == {B.run_key}


def test_a_run_again_replaces_its_own_rows(lake):
    publish_night(lake, A)
    publish_night(lake, A)
    assert seen(lake, NIGHT) == whole("a")


def test_no_rows_clear_the_runs_earlier_ones(lake):
    publish_night(lake, A)
    publish_night(lake, A, count=0)
    assert lake.published(NIGHT)["run_key"] == A.run_key
    assert all(lake.read(table, NIGHT, NIGHT).num_rows == 0 for table in KEYED)
    assert lake.census(NIGHT).num_rows == 0


def test_a_night_without_anything_is_published(lake):
    publish_night(lake, A, count=0)
    assert lake.manifest()["settlement_date"].to_pylist() == [NIGHT]


def test_a_tables_last_rows_are_removed_though_the_new_run_does_not_write_it(lake):
    publish_night(lake, A)
    lake.replace(KEYED[0], NIGHT, rows_of(KEYED[0], NIGHT, "b"), B)
    lake.publish_manifest(manifest_row(B), B)
    assert lake.read(STATE, NIGHT, NIGHT).num_rows == 0
    assert lake.stray(NIGHT).num_rows == 0


def test_left_behind_rows_are_removed_on_demand(lake):
    publish_night(lake, A)
    lake.replace(STATE, NIGHT, rows_of(STATE, NIGHT, "b"), B)
    lake.supersede(NIGHT, B.run_key)
    assert lake.stray(NIGHT).num_rows == 1
    lake.supersede(NIGHT, A.run_key)
    assert lake.stray(NIGHT).num_rows == 0
    assert seen(lake, NIGHT) == whole("a")


def test_a_run_that_was_overtaken_starts_over(tmp_path):
    slow, fast = open_lake(tmp_path), open_lake(tmp_path)
    publish_night(fast, stamp_of("a", NIGHT))
    write_night(slow, A)
    publish_night(fast, B)  # removes what it lists of run a, the slow run's rows among it
    with pytest.raises(LakeConflictError, match=f"published by the run {B.run_key}.*run the night again"):
        slow.publish_manifest(manifest_row(A), A)
    assert seen(slow, NIGHT) == whole("b")
    publish_night(slow, A)
    assert seen(slow, NIGHT) == whole("a")
    assert slow.stray(NIGHT).num_rows == 0


def test_removal_on_demand_makes_running_nights_start_over(tmp_path):
    slow, other = open_lake(tmp_path), open_lake(tmp_path)
    publish_night(other, A)
    write_night(slow, B)
    other.supersede(NIGHT, A.run_key)
    with pytest.raises(LakeConflictError):
        slow.publish_manifest(manifest_row(B), B)
    assert seen(slow, NIGHT) == whole("a")


def test_a_span_of_nights_is_read_as_published(lake):
    nights = [night_number(n) for n in range(6)]
    for night in nights[:5]:
        publish_night(lake, stamp_of("a", night))
    write_night(lake, stamp_of("b", nights[2]))
    write_night(lake, stamp_of("a", nights[5]))
    read = lake.read(STATE, nights[1], nights[5], columns=["settlement_date", "run"])
    assert read.column_names == ["settlement_date", "run"]
    assert sorted(read["settlement_date"].to_pylist()) == sorted(nights[1:5] * 3)
    assert set(read["run"].to_pylist()) == {"a"}
    assert lake.read("state_things").num_rows == 15
    assert lake.manifest(nights[3])["settlement_date"].to_pylist() == nights[3:5]
    assert lake.published(nights[5]) is None


def test_every_published_table_comes_back_as_written(lake):
    night = {"settlement_date": NIGHT, "night": NIGHT}
    reason = {"code": "amount", "feature": "f", "value": "1", "typical": "2", "contribution": 0.5, "text": "<b>"}
    values = {
        "reasons": [reason],
        "detector_scores": [("isolation_forest", 0.5)],
        "correction": {"action": "set", "trans_id": 1, "field": "amount", "value": "1.00"},
        "reason_codes": ["amount_missing"],
        "text": 'Žižkov, "=cmd()"\n<script>',
    }
    for name, table in TABLES.items():
        if not table.night_column or name == "night_manifest":
            continue
        schema = pa.schema([field for field in table.schema if field.name != "run_key"])
        rows = pa.Table.from_pylist([{**night}, {**night, **values}, {**night}], schema=schema)
        lake.replace(name, NIGHT, rows, A)
        lake.publish_manifest(manifest_row(A), A)
        assert lake.read(name, NIGHT, NIGHT).drop_columns(["run_key"]).equals(rows), name


def test_the_manifest_row_comes_back_as_written(lake):
    row = manifest_row(
        A, offered_rows=3, finished_at=datetime(2020, 5, 1, 3, 4, 5, 678, tzinfo=UTC), summary='{"a": 1}'
    )
    lake.publish_manifest(row, A)
    assert lake.published(NIGHT) == row


def test_a_static_relation_is_written_when_it_changed(lake):
    for number, bank in enumerate(["one", "one", "two"]):
        lake.replace_static("fin_account", accounts(bank), stamp_of("a", night_number(number)))
        assert current(lake) == {bank}
    history = lake._catalog.load("fin_account").snapshots()
    assert {snapshot.summary["ads.night"] for snapshot in history} == {"2020-01-01", "2020-01-03"}


def test_the_order_of_a_static_relation_is_no_change(lake):
    rows = accounts("one")
    lake.replace_static("fin_account", rows, A)
    lake.replace_static("fin_account", rows.take([2, 0, 1]), B)
    assert len(lake._catalog.load("fin_account").snapshots()) == 1


def test_a_replay_leaves_newer_static_rows(lake):
    later = stamp_of("a", night_number(3))
    lake.replace_static("fin_account", accounts("one"), A)
    publish_night(lake, later)
    lake.replace_static("fin_account", accounts("old"), stamp_of("b", night_number(1)))
    assert current(lake) == {"bank"}
    # Night 5 wrote no snapshot, as nothing had changed: its manifest row alone says that the rows are of night 5.
    publish_night(lake, stamp_of("a", night_number(5)))
    lake.replace_static("fin_account", accounts("old"), stamp_of("b", night_number(4)))
    assert current(lake) == {"bank"}
    lake.replace_static("fin_account", accounts("new"), stamp_of("b", night_number(5)))
    assert current(lake) == {"new"}


def test_an_older_table_gets_the_new_columns(tmp_path):
    def state(*names):
        fields = [pa.field("settlement_date", pa.date32()), *[pa.field(name, pa.int64()) for name in names]]
        return Table("state_x", pa.schema([*fields, pa.field("run_key", pa.string())]), "settlement_date", ())

    def rows(**values):
        return pa.table({"settlement_date": pa.array([NIGHT]), **{name: [value] for name, value in values.items()}})

    publish = lambda lake, stamp: lake.publish_manifest(manifest_row(stamp), stamp)  # noqa: E731
    old, new = open_lake(tmp_path), open_lake(tmp_path)
    old.replace(state("one"), NIGHT, rows(one=1), A)
    publish(old, A)
    wide = state("two", "one")
    assert new.read(wide, NIGHT, NIGHT).select(["two", "one"]).to_pylist() == [{"two": None, "one": 1}]
    stamp = stamp_of("b", night_number(1))
    later = rows(one=3, two=2).set_column(0, "settlement_date", pa.array([stamp.night]))
    new.replace(wide, stamp.night, later, stamp)
    publish(new, stamp)
    assert new.read(wide).sort_by("one").select(["two", "one"]).to_pylist() == [
        {"two": None, "one": 1},
        {"two": 2, "one": 3},
    ]
    assert old.read(state("one")).schema.names == ["settlement_date", "one", "run_key"]
    assert Lake.open(str(tmp_path)).read("state_x")["two"].type == pa.int64()


def test_what_does_not_fit_is_refused_with_its_reason(lake, tmp_path):
    rows = rows_of(STATE, NIGHT, "a")
    with pytest.raises(TerminalError, match=r"3 of 3 rows for the night 2020-01-02 .* another settlement_date"):
        lake.replace(STATE, NIGHT + timedelta(days=1), rows, A)
    with pytest.raises(TerminalError, match="rows for the table state_things lack run;"):
        lake.replace(STATE, NIGHT, rows.drop_columns(["run"]), A)
    with pytest.raises(TerminalError, match="do not fit its columns"):
        lake.replace("alerts", NIGHT, rows_of(TABLES["alerts"], NIGHT, "a").set_column(1, "rank", [["x"] * 3]), A)
    with pytest.raises(TerminalError, match="not declared"):
        lake.replace("state_unknown", NIGHT, rows, A)
    with pytest.raises(TerminalError, match="must name the same run and night"):
        lake.publish_manifest(manifest_row(B), A)
    kept = TABLES["quarantine"]
    nothing = kept.schema.remove(kept.schema.get_field_index("run_key")).empty_table()
    lake.replace(kept, NIGHT, nothing, A)
    with pytest.raises(TerminalError, match="is partitioned by"):
        open_lake(tmp_path / "lake").replace(Table(kept.name, kept.schema, "settlement_date", ()), NIGHT, nothing, A)
    with pytest.raises(MissingStateError, match="holds no table state_unknown"):
        lake.read("state_unknown", NIGHT, NIGHT)


def test_a_commit_stays_as_small_after_many_nights(lake):
    for number in range(25):
        stamp = stamp_of("a", night_number(number))
        lake.replace(STATE, stamp.night, rows_of(STATE, stamp.night, "a"), stamp)
        lake.publish_manifest(manifest_row(stamp), stamp)
    metadata = lake._catalog.load("state_things").metadata
    assert len(metadata.snapshots) <= 9
    assert len(metadata.metadata_log) <= 10
    assert lake.read(STATE).num_rows == 75


@pytest.mark.parametrize("name", ["plain", "with space", "per%20cent", "ha#sh", "que?stion", "Žižkov"])
def test_a_folder_may_have_any_name(tmp_path, name):
    for form in (tmp_path / name, f"file:{tmp_path / name}"):
        lake = open_lake(form)
        lake.replace(STATE, NIGHT, rows_of(STATE, NIGHT, "a"), A)
        lake.publish_manifest(manifest_row(A), A)
        assert lake.read(STATE, NIGHT, NIGHT).num_rows == 3
    assert [folder.name for folder in tmp_path.iterdir()] == [name]


def test_addresses():
    assert LakeLocation.of("file:///srv/a%20b").warehouse == "/srv/a b"
    assert LakeLocation.of("s3://bucket/lake/", "postgresql+psycopg://u@h/d").warehouse == "s3://bucket/lake"
    with pytest.raises(SettingsError, match="ADS_CATALOG_URI"):
        LakeLocation.of("s3://bucket/lake")
    with pytest.raises(SettingsError, match="allowed are file: and s3:"):
        LakeLocation.of("ftp://host/lake")


def test_dates_outside_the_lake_are_empty(lake):
    assert lake.manifest().num_rows == 0
    assert lake.read("anomaly_scores", date(1993, 1, 1), date(1993, 1, 2)).schema == TABLES["anomaly_scores"].schema
    assert lake.census(NIGHT).num_rows == 0
