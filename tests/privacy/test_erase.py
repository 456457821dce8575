"""Erasure on request: no trace of the client is left, and everything else still verifies."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.errors import IntegrityError, RetentionError, SettingsError, TerminalError
from include.lake import TABLES, Lake, RunStamp, Table
from include.night import verify
from include.privacy import erase, held_on
from include.registry.erasures import FOLDER, ErasureLog
from include.settings import Settings
from tests.privacy.lakes import (
    ACCOUNT,
    CLIENT,
    LAST_RECORD,
    NIGHTS,
    OTHER,
    OTHERS_ACCOUNT,
    PARTNER,
    SHARED_ACCOUNT,
    posting_of,
    publish_night,
    settings_of,
    traces,
    tree,
    uri_of,
)

TODAY = date(2026, 1, 1)
ERASABLE_FROM = date(2004, 1, 6)


def test_the_report_counts_what_is_held_and_touches_nothing(lake: Path, settings: Settings) -> None:
    before = tree(lake)
    found = held_on(uri_of(lake), CLIENT, settings, TODAY)
    assert tree(lake) == before
    rows = {table["table"]: table["rows"] for table in found["tables"]}
    # One row a night; of breaks and alerts also the one that names the client's card alone.
    nightly = {"fin_transaction": 3, "anomaly_scores": 3, "settlement_breaks": 6, "alerts": 6, "quarantine": 3}
    statics = {"fin_client": 1, "fin_disposition": 2, "fin_account": 1, "fin_card": 1, "fin_order": 1, "fin_loan": 1}
    assert {**rows, **nightly, **statics} == rows
    assert rows["state_lookback"] == 1
    assert found["accounts"] == {"erased": 1, "stay_with_others": 1}
    assert found["files"]["alerts"] == [f"{night}.csv" for night in NIGHTS]
    assert found["retention"]["is_over"]
    assert str(CLIENT) not in str(found)


def test_an_erasure_leaves_no_trace(lake: Path, settings: Settings) -> None:
    assert traces(lake)
    told = erase(uri_of(lake), CLIENT, settings, TODAY)
    assert told["is_erased"]
    assert traces(lake) == []


def test_what_remains_is_as_it_was_and_verifies(lake: Path, settings: Settings) -> None:
    names = ("fin_transaction", "fin_client", "fin_disposition", "alerts", "anomaly_scores", "state_counterparties")
    before = {name: _others(Lake.open(uri_of(lake), settings).read(name)) for name in names}
    erase(uri_of(lake), CLIENT, settings, TODAY)
    opened = Lake.open(uri_of(lake), settings)
    assert {name: opened.read(name).to_pylist() for name in names} == before
    assert verify(uri_of(lake))["nights"] == len(NIGHTS)


def _others(rows: pa.Table) -> list[dict[str, object]]:
    return [row for row in rows.to_pylist() if not any("87000" in str(value) for value in row.values())]


def test_an_account_that_another_may_use_stays_with_that_client(lake: Path, settings: Settings) -> None:
    erase(uri_of(lake), CLIENT, settings, TODAY)
    opened = Lake.open(uri_of(lake), settings)
    assert set(opened.read("fin_transaction")["account_id"].to_pylist()) == {OTHERS_ACCOUNT, SHARED_ACCOUNT}
    assert opened.read("fin_disposition")["client_id"].to_pylist() == [OTHER, PARTNER]


def test_the_log_seals_what_was_taken_and_names_nobody(lake: Path, settings: Settings) -> None:
    told = erase(uri_of(lake), CLIENT, settings, TODAY)
    log = ErasureLog.read(uri_of(lake), settings)
    (done,) = log.erasures
    assert (done.request, log.pending) == (told["request"], None)
    assert [part.night for part in done.nights] == list(NIGHTS)
    assert all(part.transactions == 1 and part.hash_before != part.hash_after for part in done.nights)
    assert done.nights[0].cents == 10000 + ACCOUNT % 7 * 100
    assert done.train_by == "2026-01-31"
    assert str(CLIENT) not in str(done)
    assert log.erased_among([OTHER, CLIENT]) == [done.request]


def test_a_second_request_says_that_it_is_done(lake: Path, settings: Settings) -> None:
    told = erase(uri_of(lake), CLIENT, settings, TODAY)
    before = tree(lake)
    again = erase(uri_of(lake), CLIENT, settings, TODAY)
    assert (again["is_erased"], again["request"]) == (True, told["request"])
    assert held_on(uri_of(lake), CLIENT, settings, TODAY)["request"] == told["request"]
    assert tree(lake) == before


def test_two_clients_are_erased_one_after_the_other(lake: Path, settings: Settings) -> None:
    erase(uri_of(lake), CLIENT, settings, TODAY)
    erase(uri_of(lake), OTHER, settings, TODAY)
    assert verify(uri_of(lake))["nights"] == len(NIGHTS)
    accounts = Lake.open(uri_of(lake), settings).read("fin_transaction")["account_id"]
    assert pc.unique(accounts).to_pylist() == [SHARED_ACCOUNT]


def test_a_night_that_is_played_again_brings_the_client_back_and_is_held_to_its_own_hash(
    lake: Path, settings: Settings
) -> None:
    erase(uri_of(lake), CLIENT, settings, TODAY)
    publish_night(Lake.open(uri_of(lake), settings), NIGHTS[1], settings, attempt=2)
    assert verify(uri_of(lake))["nights"] == len(NIGHTS)
    assert "came back" in str(held_on(uri_of(lake), CLIENT, settings, TODAY)["remarks"])
    erase(uri_of(lake), CLIENT, settings, TODAY)
    assert traces(lake) == []
    assert verify(uri_of(lake))["nights"] == len(NIGHTS)


@pytest.mark.parametrize("who", [999, ACCOUNT])
def test_an_unknown_client_is_refused(lake: Path, settings: Settings, who: int) -> None:
    for ask in (held_on, erase):
        with pytest.raises(SettingsError, match="holds no client of that number"):
            ask(uri_of(lake), who, settings, TODAY)


def test_what_is_younger_than_the_duty_is_kept(lake: Path, settings: Settings) -> None:
    before = tree(lake)
    eve = date.fromordinal(ERASABLE_FROM.toordinal() - 1)
    with pytest.raises(RetentionError, match=rf"of {LAST_RECORD}.*10 years.*253/2008.*from {ERASABLE_FROM} on"):
        erase(uri_of(lake), CLIENT, settings, eve)
    assert _without_lock(tree(lake)) == _without_lock(before)
    assert not held_on(uri_of(lake), CLIENT, settings, eve)["retention"]["is_over"]
    assert erase(uri_of(lake), CLIENT, settings, ERASABLE_FROM)["is_erased"]


def test_the_duty_is_a_setting(lake: Path) -> None:
    asked = settings_of(lake, retention_years=0)
    assert erase(uri_of(lake), CLIENT, asked, date(1994, 1, 6))["is_erased"]


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


def test_rows_that_no_reader_sees_go_too(lake: Path, settings: Settings) -> None:
    """Rows of a run that never published, and files of snapshots that expired or were never committed."""
    opened, stray = Lake.open(uri_of(lake), settings), RunStamp("never published", "x", NIGHTS[0])
    rows = opened.read("fin_transaction", NIGHTS[0], NIGHTS[0]).drop_columns(["run_key"])
    opened.replace("fin_transaction", NIGHTS[0], rows, stray)
    orphan = lake / "lake" / "ads" / "fin_transaction" / "data" / "orphan.parquet"
    orphan.write_bytes(next(orphan.parent.rglob("*.parquet")).read_bytes())
    publish_night(opened, NIGHTS[2], settings, attempt=2)
    erase(uri_of(lake), CLIENT, settings, TODAY)
    assert traces(lake) == []
    assert len(opened.catalog.load("fin_transaction").snapshots()) == 1


def test_changed_rows_of_an_erased_night_are_found(lake: Path, settings: Settings) -> None:
    erase(uri_of(lake), CLIENT, settings, TODAY)
    _add_a_score(lake, settings)
    with pytest.raises(IntegrityError, match=f"{NIGHTS[1]}: output_hash"):
        verify(uri_of(lake))


def test_a_posting_that_is_gone_as_well_is_found(lake: Path, settings: Settings) -> None:
    erase(uri_of(lake), CLIENT, settings, TODAY)
    _rewrite(lake, settings, "fin_transaction", lambda rows: rows.slice(1))
    with pytest.raises(IntegrityError, match="published rows is 1, expected 2.*published cents"):
        verify(uri_of(lake))


@pytest.mark.parametrize("harm", ["removed", "older", "changed"])
def test_the_log_cannot_be_changed_or_put_back(lake: Path, settings: Settings, harm: str) -> None:
    erase(uri_of(lake), CLIENT, settings, TODAY)
    log = lake / "lake" / FOLDER / "erasures.sealed"
    first = log.read_bytes()
    erase(uri_of(lake), OTHER, settings, TODAY)
    if harm == "removed":
        log.unlink()
    else:
        log.write_bytes(first if harm == "older" else log.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError):
        verify(uri_of(lake))


def _add_a_score(lake: Path, settings: Settings) -> None:
    _rewrite(lake, settings, "anomaly_scores", lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]))


def _rewrite(lake: Path, settings: Settings, name: str, change) -> None:
    """Change a table of the second night as somebody does who may write into the lake."""
    opened = Lake.open(uri_of(lake), settings)
    row = opened.published(NIGHTS[1])
    assert row is not None
    rows = change(opened.read(name, NIGHTS[1], NIGHTS[1]).drop_columns(["run_key"]))
    opened.replace(TABLES[name], NIGHTS[1], rows, RunStamp(row["run_key"], "x", NIGHTS[1]))


def _without_lock(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if not name.endswith(".lock")}
