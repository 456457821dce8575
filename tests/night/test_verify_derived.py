"""What a night publishes outside its hash is verified too: finding ids, masked tables, marts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from include.alerting import OUTBOX
from include.errors import IntegrityError
from include.lake import Lake, RunStamp, Table
from include.marts import MART_TABLES, MASKED_MARTS
from include.masking.tables import MASKED_TABLES
from include.night import verify
from include.settings import get_settings
from tests.privacy.lakes import NIGHTS, publish_night, settings_of, uri_of

NIGHT = NIGHTS[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("derived")
    publish_night(Lake.open(uri_of(made), settings_of(made)), NIGHT, settings_of(made))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ADS_KEY_FILE", str(settings_of(made).key_file))
        get_settings.cache_clear()
        yield made
    get_settings.cache_clear()


def changed(
    folder: Path, table: Table | str, change: Callable[[pa.Table], pa.Table], version: int | None = None
) -> str:
    """What `verify` says of a night of which one table was changed; the table is put back."""
    lake = Lake.open(uri_of(folder), settings_of(folder))
    row = lake.published(NIGHT) or {}
    stamp, rows = RunStamp(row["run_key"], "changed", NIGHT), lake.read(table, NIGHT, NIGHT).drop_columns(["run_key"])
    lake.replace(table, NIGHT, change(rows), stamp, version)
    try:
        with pytest.raises(IntegrityError) as told:
            verify(uri_of(folder))
    finally:
        lake.replace(table, NIGHT, rows, stamp, version)
    return str(told.value)


def setting(column: str, value: object) -> Callable[[pa.Table], pa.Table]:
    """A change of the first row's value."""

    def change(rows: pa.Table) -> pa.Table:
        values = [value, *rows[column].to_pylist()[1:]]
        place = rows.schema.get_field_index(column)
        return rows.set_column(place, rows.schema.field(place), pa.array(values, rows.schema.field(place).type))

    return change


def test_what_was_not_changed_holds(folder: Path) -> None:
    assert verify(uri_of(folder))["nights"] == 1


@pytest.mark.parametrize("table", ["settlement_breaks", "alerts"])
def test_a_finding_under_another_name_is_told(folder: Path, table: str) -> None:
    assert f"{table}: 1 finding ids are not those" in changed(folder, table, setting("finding_id", "0" * 32))


def test_a_name_on_a_posting_that_is_no_finding_is_told(folder: Path) -> None:
    said = changed(folder, "anomaly_scores", setting("finding_id", "0" * 32))
    assert "anomaly_scores: 1 finding ids are not those" in said


def test_a_masked_sentence_that_says_something_else_is_told(folder: Path) -> None:
    said = changed(folder, "settlement_breaks", setting("masked_text", "Account … pays well."))
    assert "settlement_breaks: 1 masked sentences do not say" in said


@pytest.mark.parametrize(
    ("table", "column"), [(MASKED_TABLES["fin_transaction"], "account_id"), (MASKED_MARTS["mart_findings"], "text")]
)
def test_a_masked_row_that_follows_from_none_is_told(folder: Path, table: Table, column: str) -> None:
    assert f"{table.name}: its 3 rows do not follow" in changed(folder, table, setting(column, "somebody"), version=1)


@pytest.mark.parametrize("table", [MASKED_TABLES["alerts"], MASKED_MARTS["transaction_features"]])
def test_masked_rows_that_are_gone_are_told(folder: Path, table: Table) -> None:
    assert f"{table.name}: its 0 rows do not follow" in changed(folder, table, lambda rows: rows.slice(0, 0), version=1)


@pytest.mark.parametrize(
    ("name", "column"),
    [("mart_money_days", "credits"), ("mart_nights", "findings"), ("transaction_features", "amount")],
)
def test_a_changed_mart_is_told(folder: Path, name: str, column: str) -> None:
    assert f"{name}: its digest is" in changed(folder, MART_TABLES[name], setting(column, 7))


def test_changed_district_months_of_masked_readers_are_told(folder: Path) -> None:
    table = MASKED_MARTS["mart_district_months"]
    assert f"{table.name}: its digest is" in changed(folder, table, setting("shown_region", "elsewhere"), version=1)


def test_a_message_that_the_night_does_not_give_is_told(folder: Path) -> None:
    said = changed(folder, OUTBOX, setting("message_key", "0" * 32))
    assert "outbox: 2 messages are not those that the night's outputs give" in said
    assert "outbox: its digest is" in changed(folder, OUTBOX, setting("content", "{}"))
