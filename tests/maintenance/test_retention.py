"""Rows go when their time is over, verified and on record; what is left is held to the night's own hash."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from include.errors import IntegrityError, SettingsError
from include.lake import TABLES
from include.lake.data_files import data_files, night_of
from include.lake.retired import RETIRED, recorded, retired
from include.lake.stamp import RunStamp
from include.maintenance.retention import least_days
from include.marts import MART_TABLES, MASKED_MARTS
from include.masking.tables import MASKED_TABLES
from include.night import carried_state
from include.night.finish import alerts_sheet_of
from include.night.published_night import PublishedNight
from include.registry.erasures import Erasure, ErasureLog, NightErasure
from include.settings import Settings, get_settings
from tests.lake.nights import STATE, open_lake, rows_of, stamp_of
from tests.maintenance.lakes import maintenance, publish_honestly, verified

OLD, EDGE, NEW = date(2018, 1, 1), date(2018, 6, 30), date(2020, 1, 1)
"""The newest night; one that lies 550 days before it, which is the first not to be kept for 549; and an older one."""
DAYS = 549


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ADS_KEY_FILE", str(tmp_path / "keys" / "lake.key"))
    get_settings.cache_clear()
    lake = open_lake(tmp_path / "lake")
    for night in (OLD, EDGE, NEW):
        publish_honestly(lake, night)
    yield tmp_path / "lake"
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"night_manifest": 5000},
            r"gives night_manifest 5000 days, and night_manifest is kept for good.*leave it out",
        ),
        ({"reviews": 5000}, "kept for good"),
        ({"retired_rows": 5000}, "kept for good"),
        ({"pseudonym_keys": 5000}, "kept for good"),
        ({"night_manifest_masked": 5000}, "kept for good"),
        ({"fin_account_masked": 5000}, "has no nights and is replaced as a whole"),
        ({"fin_account": 5000}, "has no nights and is replaced as a whole: ADS_STATIC_HISTORY_DAYS"),
        ({"alerst": 5000}, "is no table of this lake; its tables with nights are .*fin_transaction.*state_things"),
        ({"fin_transaction": 548}, "548 days, .* less than the 549 days .*set 549 or more"),
        ({"state_things": 30}, "549"),
    ],
)
@pytest.mark.parametrize("is_dry", [False, True])
def test_a_retention_that_is_not_allowed_is_refused_before_anything_is_done(folder, given, sentence, is_dry):
    with pytest.raises(SettingsError, match=sentence) as raised:
        maintenance(folder, retention=given, is_dry=is_dry).retire()
    assert raised.value.setting == "retention"
    assert open_lake(folder).read(STATE).num_rows == 9


def test_the_least_days_follow_the_look_back():
    assert (least_days(Settings()), least_days(Settings(lookback_days=61))) == (DAYS, 487)


def test_a_retention_shorter_than_that_of_extracts_is_refused(folder):
    with pytest.raises(SettingsError, match="less than the 600 days of which extracts for Tableau are kept"):
        maintenance(folder, retention={"fin_transaction": 599}, extracts=True, extract_nights=600).retire()
    kept = {"fin_transaction": 599}
    assert maintenance(folder, retention=kept, extract_nights=600, extracts=False).retire()["retired_nights"] == 1


def test_what_repeats_a_table_is_kept_no_longer_than_it(folder):
    copies(folder)
    with pytest.raises(SettingsError, match=r"mart_findings repeats the rows of alerts, .*kept for 600: set 600 or"):
        maintenance(folder, retention={"alerts": 600, "mart_findings": 601}).retire()
    with pytest.raises(SettingsError, match="alerts_masked repeats the rows of alerts"):
        maintenance(folder, retention={"alerts": 600, "alerts_masked": 601}).retire()


COPIES = (
    TABLES["alerts"],
    MASKED_TABLES["alerts"],
    MART_TABLES["mart_findings"],
    MASKED_MARTS["mart_findings"],
    MASKED_TABLES["fin_transaction"],
    MART_TABLES["transaction_features"],
    MASKED_MARTS["transaction_features"],
    MART_TABLES["mart_account_days"],
)
"""Tables that go with postings or alerts, and one that does not."""


def copies(folder, versions=(1,)):
    """Give each night one row of each table, pseudonyms in each key version, and a sheet of its alerts."""
    lake = open_lake(folder)
    lake.show_version(versions[0], stamp_of("a", NEW))
    (folder / "alerts").mkdir()
    for night in (OLD, EDGE, NEW):
        alerts_sheet_of(str(folder), night).write_text("rank")
        for table in COPIES:
            schema = pa.schema([field for field in table.schema if field.name != "run_key"])
            for version in versions if table.has_versions else (None,):
                row = {"settlement_date": night, "key_version": version}
                lake.replace(table, night, pa.Table.from_pylist([row], schema), stamp_of("a", night), version)


def nights_in(lake, *tables):
    found = [sorted(set(lake.read(table)["settlement_date"].to_pylist())) for table in tables]
    return found[0] if all(each == found[0] for each in found) else found


def test_masked_rows_and_whatever_repeats_a_table_go_with_it(folder):
    copies(folder)
    maintenance(folder, retention={"alerts": DAYS, "mart_account_days": 700}).retire()
    lake = open_lake(folder)
    assert nights_in(lake, *(table for table in COPIES[:4])) == [NEW]
    assert nights_in(lake, "fin_transaction", *COPIES[4:7]) == [OLD, EDGE, NEW]
    assert nights_in(lake, "mart_account_days") == [EDGE, NEW]
    assert retired(lake, EDGE).keys() == {table.name for table in COPIES[:4]}
    assert [alerts_sheet_of(str(folder), night).exists() for night in (OLD, EDGE, NEW)] == [False, False, True]
    maintenance(folder, retention={"fin_transaction": DAYS}).retire()
    assert nights_in(lake, "fin_transaction", *COPIES[4:7]) == [NEW]
    assert verified(folder)["verified"] == [NEW.isoformat()]


def test_a_copy_may_go_before_what_it_repeats(folder):
    copies(folder)
    maintenance(folder, retention={"alerts": 800, "mart_findings": DAYS, "alerts_masked": 700}).retire()
    lake = open_lake(folder)
    assert nights_in(lake, "alerts") == [OLD, EDGE, NEW]
    assert nights_in(lake, "alerts_masked") == [EDGE, NEW]
    assert nights_in(lake, "mart_findings") == [NEW]


def test_rows_of_every_key_version_go(folder):
    copies(folder, versions=(1, 2))
    maintenance(folder, retention={"alerts": DAYS}).retire()
    table = open_lake(folder).catalog.load("alerts_masked")
    assert {night_of(file) for file in data_files(table)} == {NEW}
    assert len(data_files(table)) == 2


def test_by_default_everything_is_kept(folder):
    assert maintenance(folder).retire() == {"retired_nights": 0, "retired_rows": 0}


def test_rows_of_old_nights_go_and_verify_says_so(folder):
    done = maintenance(folder, retention={"fin_transaction": DAYS, "state_things": 600}).retire()
    assert done == {"retired_nights": 2, "retired_rows": 3 + 3 + 3}
    lake = open_lake(folder)
    assert set(lake.read("fin_transaction")["settlement_date"].to_pylist()) == {NEW}
    assert set(lake.read(STATE)["settlement_date"].to_pylist()) == {EDGE, NEW}
    assert verified(folder) == {
        "nights": 3,
        "verified": [NEW.isoformat()],
        "retired": {
            OLD.isoformat(): ["fin_transaction", "state_things"],
            EDGE.isoformat(): ["fin_transaction"],
        },
    }
    assert lake.manifest().num_rows == 3
    assert retired(lake, OLD)["state_things"]["content_digest"] is None


def test_run_again_it_changes_nothing(folder):
    kept = {"fin_transaction": DAYS}
    maintenance(folder, retention=kept).retire()
    catalog = open_lake(folder)._catalog
    where = {name: catalog.load(name).metadata_location for name in catalog.names()}
    assert maintenance(folder, retention=kept).retire() == {"retired_nights": 0, "retired_rows": 0}
    assert {name: catalog.load(name).metadata_location for name in catalog.names()} == where


def test_tables_that_are_retired_one_after_the_other_are_both_on_record(folder):
    maintenance(folder, retention={"state_things": DAYS}).retire()
    maintenance(folder, retention={"state_things": DAYS, "fin_transaction": DAYS}).retire()
    assert retired(open_lake(folder), OLD).keys() == {"state_things", "fin_transaction"}
    assert verified(folder, OLD)["retired"] == {OLD.isoformat(): ["fin_transaction", "state_things"]}


def test_a_dry_run_counts_and_removes_nothing(folder):
    done = maintenance(folder, retention={"fin_transaction": DAYS}, is_dry=True).retire()
    assert done == {"retired_nights": 2, "retired_rows": 6}
    assert open_lake(folder).read("fin_transaction").num_rows == 9
    assert RETIRED.name not in open_lake(folder)._catalog.names()


def test_rows_that_went_without_a_record_are_missed(folder):
    lake = open_lake(folder)
    rows = lake.read("fin_transaction", OLD, OLD).slice(0, 0).drop_columns(["run_key"])
    lake.replace("fin_transaction", OLD, rows, stamp_of("a", OLD))
    with pytest.raises(IntegrityError, match="2018-01-01: output_hash"):
        verified(folder)


def test_what_is_left_of_a_retired_night_is_still_held_to_its_hash(folder):
    maintenance(folder, retention={"fin_transaction": DAYS}).retire()
    lake = open_lake(folder)
    lake.replace("quarantine", OLD, pa.Table.from_pylist([{"night": OLD}], _quarantine()), stamp_of("a", OLD))
    with pytest.raises(IntegrityError, match="2018-01-01: output_hash"):
        verified(folder)


def _quarantine():
    return pa.schema([field for field in TABLES["quarantine"].schema if field.name != "run_key"])


def test_a_record_that_does_not_say_what_was_there_is_found_out(folder):
    maintenance(folder, retention={"fin_transaction": DAYS}).retire()
    lake = open_lake(folder)
    rows = pa.Table.from_pylist(
        [{**row, "content_digest": "made up", "row_count": 2} for row in recorded(lake, OLD).values()], RETIRED.schema
    ).drop_columns(["run_key"])
    lake.replace(RETIRED, OLD, rows, stamp_of("a", OLD))
    with pytest.raises(IntegrityError, match=r"output_hash is .*published rows is 2, expected 3"):
        verified(folder, OLD)


def test_a_night_that_does_not_verify_keeps_its_rows(folder):
    lake = open_lake(folder)
    rows = lake.read("fin_transaction", OLD, OLD).slice(1).drop_columns(["run_key"])
    lake.replace("fin_transaction", OLD, rows, stamp_of("a", OLD))
    with pytest.raises(IntegrityError, match=r"removes nothing of a night that does not verify: 2018-01-01.*published"):
        maintenance(folder, retention={"fin_transaction": DAYS}).retire()
    assert open_lake(folder).read("fin_transaction").num_rows == 8


def test_a_night_that_an_erasure_changed_while_it_was_waited_for_verifies(folder):
    work, lake, settings = maintenance(folder, retention={"fin_transaction": DAYS}), open_lake(folder), get_settings()
    row = lake.published(OLD)
    night = PublishedNight.read(lake, row)
    left = {**night.outputs, "fin_transaction": night.outputs["fin_transaction"].slice(1)}
    lake.replace("fin_transaction", OLD, left["fin_transaction"], RunStamp(row["run_key"], "erasure", OLD))
    after = night.with_outputs(left).output_hash(settings)
    part = NightErasure(OLD, row["run_key"], row["attempt"], row["output_hash"], after, {}, 1, 1000)
    erased = Erasure("request", "client", "2020-01-02", "2020-01-02", nights=(part,))
    ErasureLog().having(erased, None).write(str(folder), settings)
    assert work.retire()["retired_nights"] == 2


def test_what_another_run_is_writing_stays(folder):
    lake, other = open_lake(folder), stamp_of("b", OLD)
    lake.replace(STATE, OLD, rows_of(STATE, OLD, "b"), other)
    maintenance(folder, retention={"state_things": DAYS}).retire()
    assert {row["run_key"] for row in lake.stray(OLD).to_pylist()} == {other.run_key}
    publish_honestly(lake, OLD, "b")
    assert set(lake.read(STATE, OLD, OLD)["run"].to_pylist()) == {"b"}
    assert verified(folder)["retired"] == {EDGE.isoformat(): ["state_things"]}
    assert lake.stray(OLD).num_rows == 0, "the record of the old run goes with its rows"


def test_a_night_published_again_by_the_same_run_has_its_rows_back_until_the_next_time(folder):
    kept = {"fin_transaction": DAYS}
    maintenance(folder, retention=kept).retire()
    publish_honestly(open_lake(folder), OLD)
    assert OLD.isoformat() in verified(folder)["verified"]
    assert maintenance(folder, retention=kept).retire()["retired_nights"] == 1
    assert OLD.isoformat() in verified(folder)["retired"]


def test_only_files_that_were_listed_when_the_night_was_verified_are_removed(folder, monkeypatch):
    original, lake = PublishedNight.digests, open_lake(folder)

    def overtaken(*args):
        publish_honestly(lake, OLD, "b")
        monkeypatch.setattr(PublishedNight, "digests", original)
        return original(*args)

    monkeypatch.setattr(PublishedNight, "digests", overtaken)
    maintenance(folder, retention={"state_things": DAYS}).retire()
    assert set(lake.read(STATE, OLD, OLD)["run"].to_pylist()) == {"b"}
    assert OLD.isoformat() in verified(folder)["verified"]


def test_the_state_of_a_night_long_ago_is_not_taken_for_an_empty_banks(folder, monkeypatch):
    monkeypatch.setattr(carried_state, "_has_every_column", lambda row: True)
    lake = open_lake(folder)
    after = date.fromordinal(OLD.toordinal() + 1)
    assert carried_state.knows_enough(lake, after)
    row = lake.published(OLD)
    entry = {"settlement_date": OLD, "table_name": "state_accounts", "row_count": 5, "retired_at": datetime.now(UTC)}
    rows = pa.Table.from_pylist([entry], RETIRED.schema).drop_columns(["run_key"])
    lake.replace(RETIRED, OLD, rows, RunStamp(row["run_key"], "maintenance", OLD))
    assert not carried_state.knows_enough(lake, after)


def test_the_search_for_the_first_night_ends_where_its_trail_was_retired(folder):
    assert carried_state.first_night_of(open_lake(folder), date.fromordinal(OLD.toordinal() + 1)) == OLD
