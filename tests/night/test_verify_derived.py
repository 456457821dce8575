"""What a night publishes outside its hash is verified too: finding ids, masked tables, marts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from include.alerting import OUTBOX
from include.errors import IntegrityError
from include.lake import TABLES, Lake, RunStamp, Table
from include.lake.tables import VERSION_COLUMN
from include.marts import MART_TABLES, MASKED_MARTS
from include.masking.tables import MASKED_TABLES
from include.night import verify
from include.night.derived import derived_digests
from include.settings import get_settings
from tests.privacy.lakes import NIGHTS, publish_night, settings_of, uri_of

NIGHT = NIGHTS[0]
Change = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("derived")
    publish_night(Lake.open(uri_of(made), settings_of(made)), NIGHT, settings_of(made))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ADS_KEY_FILE", str(settings_of(made).key_file))
        get_settings.cache_clear()
        yield made
    get_settings.cache_clear()


def setting(column: str, value: object) -> Change:
    """A change of the first row's value."""

    def change(rows: pa.Table) -> pa.Table:
        values = [value, *rows[column].to_pylist()[1:]]
        place = rows.schema.get_field_index(column)
        return rows.set_column(place, rows.schema.field(place), pa.array(values, rows.schema.field(place).type))

    return change


def gone(rows: pa.Table) -> pa.Table:
    """No row at all."""
    return rows.slice(0, 0)


def both(first: Change, second: Change) -> Change:
    """Two changes of one table."""
    return lambda rows: second(first(rows))


_OTHER_ID = setting("finding_id", "0" * 32)
_CHANGES: tuple[tuple[Table, Change], ...] = (
    (TABLES["settlement_breaks"], both(_OTHER_ID, setting("masked_text", "Account … pays well."))),
    # Not the same as of its break: a row of the queue may repeat that one's name.
    (TABLES["alerts"], setting("finding_id", "1" * 32)),
    (TABLES["anomaly_scores"], _OTHER_ID),
    (MASKED_TABLES["fin_transaction"], setting("account_id", "somebody")),
    (MASKED_MARTS["mart_findings"], setting("text", "somebody")),
    (MASKED_TABLES["alerts"], gone),
    (MASKED_MARTS["transaction_features"], gone),
    (MART_TABLES["mart_money_days"], setting("credits", 7)),
    (MART_TABLES["mart_nights"], setting("findings", 7)),
    (MART_TABLES["transaction_features"], setting("amount", 7)),
    (MASKED_MARTS["mart_district_months"], setting("shown_region", "elsewhere")),
)


@pytest.fixture(scope="module")
def told(folder: Path) -> str:
    """What `verify` says of a night of which many tables were changed, each in its own way; they are put back."""
    lake = Lake.open(uri_of(folder), settings_of(folder))
    stamp = RunStamp((lake.published(NIGHT) or {})["run_key"], "changed", NIGHT)
    held = [(table, lake.read(table, NIGHT, NIGHT).drop_columns(["run_key"]), change) for table, change in _CHANGES]
    for table, rows, change in held:
        lake.replace(table, NIGHT, change(rows), stamp, _version(table))
    with pytest.raises(IntegrityError) as raised:
        verify(uri_of(folder))
    for table, rows, _ in held:
        lake.replace(table, NIGHT, rows, stamp, _version(table))
    return str(raised.value)


def _version(table: Table) -> int | None:
    return 1 if VERSION_COLUMN in table.schema.names else None


def test_what_was_not_changed_holds(folder: Path) -> None:
    assert verify(uri_of(folder))["nights"] == 1


@pytest.mark.parametrize("table", ["settlement_breaks", "alerts"])
def test_a_finding_under_another_name_is_told(told: str, table: str) -> None:
    assert f"{table}: 1 finding ids are not those" in told


def test_a_name_on_a_posting_that_is_no_finding_is_told(told: str) -> None:
    assert "anomaly_scores: 1 finding ids are not those" in told


def test_a_masked_sentence_that_says_something_else_is_told(told: str) -> None:
    assert "settlement_breaks: 1 masked sentences do not say" in told


@pytest.mark.parametrize("table", [MASKED_TABLES["fin_transaction"], MASKED_MARTS["mart_findings"]])
def test_a_masked_row_that_follows_from_none_is_told(told: str, table: Table) -> None:
    assert f"{table.name}: its 3 rows do not follow" in told


@pytest.mark.parametrize("table", [MASKED_TABLES["alerts"], MASKED_MARTS["transaction_features"]])
def test_masked_rows_that_are_gone_are_told(told: str, table: Table) -> None:
    assert f"{table.name}: its 0 rows do not follow" in told


@pytest.mark.parametrize("name", ["mart_money_days", "mart_nights", "transaction_features"])
def test_a_changed_mart_is_told(told: str, name: str) -> None:
    assert f"{name}: its digest is" in told


def test_changed_district_months_of_masked_readers_are_told(told: str) -> None:
    assert "mart_district_months_masked: its digest is" in told


def test_nothing_else_is_told(told: str) -> None:
    """Each change shows where it was made, and in the masked rows and messages that follow."""
    changed = {table.name for table, _ in _CHANGES}
    following = {"outbox", *(f"{name}_masked" for name in changed)}
    assert {fault.split(": ")[1] for fault in told.split("; ")} <= changed | following


def test_a_night_from_before_a_table_gained_a_column_is_held_to_the_columns_that_it_had() -> None:
    rows = pa.table({"settlement_date": [1], "credits": [2]})
    recorded = derived_digests({"mart_money_days": rows})
    gained = {"mart_money_days": rows.add_column(0, "fees", pa.array([None], pa.int64()))}
    assert derived_digests(gained, recorded) == recorded
    assert derived_digests(gained) != recorded
    for changed_rows in (rows.drop_columns(["credits"]), rows.set_column(1, "credits", pa.array([3]))):
        assert derived_digests({"mart_money_days": changed_rows}, recorded) != recorded


def test_a_message_that_the_night_does_not_give_is_told(folder: Path) -> None:
    lake = Lake.open(uri_of(folder), settings_of(folder))
    stamp = RunStamp((lake.published(NIGHT) or {})["run_key"], "changed", NIGHT)
    rows = lake.read(OUTBOX, NIGHT, NIGHT).drop_columns(["run_key"])
    lake.replace(OUTBOX, NIGHT, setting("message_key", "0" * 32)(rows), stamp)
    with pytest.raises(IntegrityError) as raised:
        verify(uri_of(folder))
    lake.replace(OUTBOX, NIGHT, rows, stamp)
    assert "outbox: 2 messages are not those that the night's outputs give" in str(raised.value)
    assert "outbox: its digest is" in str(raised.value)
