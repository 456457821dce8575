"""Erasure on request: no trace of the client is left, and everything else still verifies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from pyiceberg.table import Table as IcebergTable

from include.cases import CaseBook, QueueFilter, audit_faults
from include.cases.store import open_store
from include.cases.tables import AUDIT
from include.errors import IntegrityError, RetentionError, SettingsError, TerminalError
from include.lake import TABLES, Lake, RunStamp, Table
from include.marts import MART_TABLES
from include.night import verify
from include.night.derived import derived_digests
from include.privacy import erase, held_on
from include.privacy.retention import Retention
from include.privacy.rules import DESCRIBING
from include.privacy.subject import Subject
from include.registry.erasures import FOLDER, ErasureLog
from include.settings import Settings
from include.tableau.contents import table_of
from include.tableau.extracts import write_extracts
from tests.privacy.conftest import Erasure
from tests.privacy.lakes import (
    ACCOUNT,
    CLIENT,
    ERASABLE_FROM,
    LAST_RECORD,
    NIGHTS,
    OTHER,
    OTHERS_ACCOUNT,
    PARTNER,
    SHARED_ACCOUNT,
    TODAY,
    canaries,
    findings,
    pseudonyms,
    rows_of_others,
    settings_of,
    traces,
    tree,
    uri_of,
)
from tests.privacy.searching import places
from tests.tableau.hyper import in_hyper


def test_the_report_counts_what_is_held_and_touches_nothing(seen_lake: Path, settings: Settings) -> None:
    before = tree(seen_lake)
    found = held_on(uri_of(seen_lake), CLIENT, settings, TODAY)
    assert tree(seen_lake) == before
    rows = {table["table"]: table["rows"] for table in found["tables"]}
    # One row a night; of breaks and alerts also the one that names the client's card alone, and the one that names the
    # client on an account that stays.
    nightly = {"fin_transaction": 2, "anomaly_scores": 2, "settlement_breaks": 6, "alerts": 6, "quarantine": 2}
    statics = {"fin_client": 1, "fin_disposition": 2, "fin_account": 1, "fin_card": 1, "fin_order": 1, "fin_loan": 1}
    assert {**rows, **nightly, **statics} == rows
    assert rows["state_lookback"] == 1
    # The two accounts that the client owns: rows of the shared one stay, without what they say of the client.
    assert (rows["mart_findings"], rows["mart_findings_masked"], rows["fin_account_masked"]) == (4, 4, 2)
    assert (rows["reviews"], rows["quarantine_masked"], rows["settlement_breaks_masked"]) == (1, 2, 6)
    assert found["accounts"] == {"erased": 1, "stay_with_others": 1}
    assert found["files"]["alerts"] == [f"{night}.csv" for night in NIGHTS]
    assert found["case_book"] == {"cases": 1, "findings": 2}
    assert found["retention"]["is_over"]
    assert str(CLIENT) not in str(found)


def test_metadata_keeps_bounds_of_dates_runs_and_versions_alone(seen_lake: Path, settings: Settings) -> None:
    """Entries of removed files stay in manifests: their bounds would give away the lowest and the highest number."""
    catalog = Lake.open(uri_of(seen_lake), settings).catalog
    bounded = {column for name in catalog.names() for column in _bounded(catalog.load(name))}
    assert bounded == {"settlement_date", "night", "run_key", "key_version"}


def _bounded(table: IcebergTable) -> set[str | None]:
    """The columns of which any entry of any manifest, of a removed file too, holds bounds."""
    manifests = [manifest for snapshot in table.snapshots() for manifest in snapshot.manifests(table.io)]
    files = [
        entry.data_file
        for manifest in manifests
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False)
    ]
    fields = {field for file in files for field in {**(file.lower_bounds or {}), **(file.upper_bounds or {})}}
    return {table.schema().find_column_name(field) for field in fields}


def test_an_erasure_leaves_no_trace(seen_erased: Path, emptied: Erasure) -> None:
    assert emptied.told["is_erased"]
    assert traces(seen_erased) == []


def test_the_search_finds_what_an_erasure_takes(emptied: Erasure) -> None:
    found = {place.split("/")[1] for place in emptied.found if place.startswith("ads/")}
    # All but the quarantine, whose records are sealed, and its masked table, which has a name of its own for each line.
    assert {table["table"] for table in emptied.told["tables"]} - found == {"quarantine", "quarantine_masked"}
    for kind in (".hyper: ", ".csv: ", "orphan.parquet: ", "ads-cases.db: "):
        assert [place for place in emptied.found if kind in place]
    assert [place for place in emptied.found if "64 bits little" in place]


def test_the_search_reads_what_iceberg_packs(seen_lake: Path, settings: Settings) -> None:
    """A run's key is in the bounds of the files that it wrote, which manifests keep packed."""
    key = Lake.open(uri_of(seen_lake), settings).manifest()["run_key"][0].as_py()
    packed = [place for place in places(seen_lake / "lake", {key}) if place.endswith("m0.avro: " + key + " as text")]
    assert packed
    assert not any(key.encode() in (seen_lake / "lake" / place.split(": ")[0]).read_bytes() for place in packed)


def test_what_remains_is_as_it_was_and_verifies(seen_erased: Path, emptied: Erasure, settings: Settings) -> None:
    assert all(emptied.others.values())
    assert rows_of_others(Lake.open(uri_of(seen_erased), settings)) == emptied.others
    assert verify(uri_of(seen_erased))["nights"] == len(NIGHTS)


def test_the_cases_of_others_stay_and_say_nothing_of_where_the_client_lived(
    seen_erased: Path, settings: Settings
) -> None:
    book, now = CaseBook.open(uri_of(seen_erased), settings), datetime(1994, 1, 6, tzinfo=UTC)
    left = {row.account: row for row in book.queue(QueueFilter(states=()), now, sees_accounts=True).rows}
    assert {*left} == {str(OTHERS_ACCOUNT), str(SHARED_ACCOUNT)}
    assert left[str(SHARED_ACCOUNT)].district is None
    assert book.views("ann") == []
    assert [entry.action for entry in book.audit.entries_about(ACCOUNT)] == ["viewed", "noted", "snoozed"]
    assert audit_faults(uri_of(seen_erased), settings) == []


def test_verify_checks_the_audit_log(lake: Path, settings: Settings) -> None:
    assert verify(uri_of(lake))["nights"] == len(NIGHTS)
    with open_store(uri_of(lake), settings).write() as connection:
        connection.exec_driver_sql("drop trigger audit_no_update")
        connection.execute(sa.update(AUDIT).where(AUDIT.c.number == 2).values(who="eve"))
    with pytest.raises(IntegrityError, match="audit: entry 2 is not as it was written"):
        verify(uri_of(lake))
    assert verify(uri_of(lake), NIGHTS[0])["nights"] == 1


def test_an_account_that_another_may_use_stays_with_that_client(seen_erased: Path, settings: Settings) -> None:
    opened = Lake.open(uri_of(seen_erased), settings)
    assert set(opened.read("fin_transaction")["account_id"].to_pylist()) == {OTHERS_ACCOUNT, SHARED_ACCOUNT}
    assert opened.read("fin_disposition")["client_id"].to_pylist() == [OTHER, PARTNER]


@pytest.mark.parametrize("table", ["mart_findings", "transaction_features", "fin_account_masked"])
def test_what_stays_of_a_shared_account_no_longer_describes_the_client(
    seen_erased: Path, settings: Settings, table: str
) -> None:
    rows = Lake.open(uri_of(seen_erased), settings).read(table).to_pylist()
    describing = [[row[name] for name in DESCRIBING if name in row] for row in rows]
    nights = 1 if table == "fin_account_masked" else len(NIGHTS)
    assert len(rows) == 2 * nights
    assert sum(all(value is None for value in row) for row in describing) == nights


def test_the_log_seals_what_was_taken_and_names_nobody(seen_erased: Path, emptied: Erasure, settings: Settings) -> None:
    log = ErasureLog.read(uri_of(seen_erased), settings)
    (done,) = log.erasures
    assert (done.request, log.pending) == (emptied.told["request"], None)
    assert [part.night for part in done.nights] == list(NIGHTS)
    assert all(part.transactions == 1 and part.hash_before != part.hash_after for part in done.nights)
    assert done.nights[0].cents == 10000 + ACCOUNT % 7 * 100
    assert done.train_by == "2026-01-31"
    assert str(CLIENT) not in str(done)
    assert log.erased_among([OTHER, CLIENT]) == [done.request]


def test_the_seal_holds_the_digests_of_what_remains_of_the_marts(seen_erased: Path, settings: Settings) -> None:
    opened, log = Lake.open(uri_of(seen_erased), settings), ErasureLog.read(uri_of(seen_erased), settings)
    for row in opened.manifest().to_pylist():
        night = row["settlement_date"]
        held = {name: opened.read(table, night, night).drop_columns(["run_key"]) for name, table in MART_TABLES.items()}
        assert log.remainder(row).derived == derived_digests(held)


def test_a_second_request_says_that_it_is_done(seen_erased: Path, emptied: Erasure, settings: Settings) -> None:
    before = tree(seen_erased)
    again = erase(uri_of(seen_erased), CLIENT, settings, TODAY)
    assert (again["is_erased"], again["request"]) == (True, emptied.told["request"])
    assert held_on(uri_of(seen_erased), CLIENT, settings, TODAY)["request"] == emptied.told["request"]
    assert tree(seen_erased) == before


@pytest.mark.parametrize("who", [999, ACCOUNT])
def test_an_unknown_client_is_refused(seen_lake: Path, settings: Settings, who: int) -> None:
    for ask in (held_on, erase):
        with pytest.raises(SettingsError, match="holds no client of that number"):
            ask(uri_of(seen_lake), who, settings, TODAY)


def test_what_is_younger_than_the_duty_is_kept(seen_lake: Path, settings: Settings) -> None:
    before = tree(seen_lake)
    eve = date.fromordinal(ERASABLE_FROM.toordinal() - 1)
    with pytest.raises(RetentionError, match=rf"of {LAST_RECORD}.*10 years.*253/2008.*from {ERASABLE_FROM} on"):
        erase(uri_of(seen_lake), CLIENT, settings, eve)
    assert _without_lock(tree(seen_lake)) == _without_lock(before)
    assert _retention(seen_lake, settings).as_dict(ERASABLE_FROM)["is_over"]


def test_the_duty_is_a_setting(seen_lake: Path) -> None:
    duty = _retention(seen_lake, settings_of(seen_lake, retention_years=0))
    assert not duty.as_dict(LAST_RECORD)["is_over"]
    assert duty.as_dict(date(1994, 1, 5))["is_over"]


def _retention(lake: Path, settings: Settings) -> Retention:
    opened = Lake.open(uri_of(lake), settings)
    subject = Subject.find(opened, CLIENT)
    assert subject is not None
    return Retention.of(opened, subject, settings.retention_years)


def test_a_night_that_does_not_verify_stops_the_erasure(lake: Path, settings: Settings) -> None:
    _add_a_score(lake, settings)
    before = tree(lake)
    with pytest.raises(IntegrityError, match=rf"nothing was erased.*{NIGHTS[1]}: output_hash"):
        erase(uri_of(lake), CLIENT, settings, TODAY)
    assert _without_lock(tree(lake)) == _without_lock(before)


def test_a_table_without_a_rule_stops_the_erasure(lake: Path, settings: Settings) -> None:
    field = pa.field("settlement_date", pa.date32())
    new = Table("new_table", pa.schema([field, pa.field("run_key", pa.string())]), "settlement_date", ())
    Lake.open(uri_of(lake), settings).replace(
        new, NIGHTS[0], pa.table({"settlement_date": [NIGHTS[0]]}), RunStamp("x", "x", NIGHTS[0])
    )
    before = tree(lake)
    for ask in (held_on, erase):
        with pytest.raises(TerminalError, match="new_table has no rule"):
            ask(uri_of(lake), CLIENT, settings, TODAY)
    assert _without_lock(tree(lake)) == _without_lock(before)


def test_rows_that_no_reader_saw_went_too(seen_erased: Path, settings: Settings) -> None:
    opened = Lake.open(uri_of(seen_erased), settings)
    data = seen_erased / "lake" / "ads" / "fin_transaction" / "data"
    assert not any((data / name).exists() for name in ("orphan.parquet", "torn.parquet"))
    snapshots = {name: len(opened.catalog.load(name).snapshots()) for name in opened.catalog.names()}
    assert snapshots["fin_transaction"] == snapshots["fin_client"] == 1
    # Nothing was taken from this table, so that it keeps its history.
    assert snapshots["night_manifest"] > 1


def test_changed_rows_of_an_erased_night_are_found(erased: Path, settings: Settings) -> None:
    """A score too many, and a posting that is gone as well."""
    _add_a_score(erased, settings)
    _rewrite(erased, settings, "fin_transaction", lambda rows: rows.slice(1))
    found = rf"{NIGHTS[1]}: output_hash.*published rows is 1, expected 2.*published cents"
    with pytest.raises(IntegrityError, match=found):
        verify(uri_of(erased), NIGHTS[1])


@pytest.mark.parametrize("harm", ["removed", "older", "changed"])
def test_the_log_cannot_be_changed_or_put_back(erased: Path, settings: Settings, harm: str) -> None:
    log = erased / "lake" / FOLDER / "erasures.sealed"
    first = log.read_bytes()
    ErasureLog.read(uri_of(erased), settings).write(uri_of(erased), settings)
    if harm == "removed":
        log.unlink()
    else:
        newest = log.read_bytes()
        log.write_bytes(first if harm == "older" else newest[:-1] + bytes([newest[-1] ^ 1]))
    with pytest.raises(IntegrityError):
        verify(uri_of(erased))


def _add_a_score(lake: Path, settings: Settings) -> None:
    _rewrite(lake, settings, "anomaly_scores", lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]))


def _rewrite(lake: Path, settings: Settings, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a table of the second night as somebody does who may write into the lake."""
    opened = Lake.open(uri_of(lake), settings)
    row = opened.published(NIGHTS[1])
    assert row is not None
    rows = change(opened.read(name, NIGHTS[1], NIGHTS[1]).drop_columns(["run_key"]))
    opened.replace(TABLES[name], NIGHTS[1], rows, RunStamp(row["run_key"], "x", NIGHTS[1]))


def _without_lock(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if not name.endswith(".lock")}


def test_extracts_are_written_again_without_the_client(erased: Path, emptied: Erasure, settings: Settings) -> None:
    assert any(place.startswith("extracts_unmasked/rolling.hyper: ") for place in emptied.found)
    assert not list(erased.rglob("*.hyper"))
    for folder, is_masked in (("extracts", True), ("extracts_unmasked", False)):
        write_extracts(uri_of(erased), settings.model_copy(update={"extract_nights": 1}), is_masked=is_masked)
        names = {*canaries(), *pseudonyms(erased), *findings(erased)}
        assert places(erased / "lake" / folder, names) == []
        query = f"select account_id from {table_of('mart_findings', is_masked=is_masked).name}"  # noqa: S608 - our own
        others = {str(row["account_id"]) for row in in_hyper(erased / "lake" / folder / "rolling.hyper", query)}
        # The same search finds whom the extracts do show.
        assert len(others) == 2
        assert {place.split(": ")[1].split()[0] for place in places(erased / "lake" / folder, others)} == others
