"""Small nights for the lake's tests: rows that say which run wrote them."""

from datetime import UTC, date, datetime

import pyarrow as pa

from include.lake import TABLES, Lake, RunStamp, Table
from include.settings import Settings

STATE = Table(
    "state_things",
    pa.schema(
        [pa.field("settlement_date", pa.date32()), pa.field("run", pa.string()), pa.field("run_key", pa.string())]
    ),
    "settlement_date",
    (),
)
KEYED = (TABLES["fin_transaction"], STATE)
ROWS_PER_TABLE = 3
RUN_COLUMN = {"fin_transaction": "source_uri", "alerts": "text", "state_things": "run"}


def open_lake(folder, **settings):
    return Lake.open(str(folder), Settings(**settings), extra_tables=[STATE])


def stamp_of(run, night, attempt="first"):
    return RunStamp(run * 16, attempt, night)


def rows_of(table, night, run, count=ROWS_PER_TABLE):
    """Rows of a table in which one column holds the run's name, apart from the key that the lake adds."""
    schema = pa.schema([field for field in table.schema if field.name != "run_key"])
    row = {table.night_column: night, RUN_COLUMN[table.name]: run}
    return pa.Table.from_pylist([row] * count, schema=schema)


def accounts(run, count=ROWS_PER_TABLE):
    schema = pa.schema([field for field in TABLES["fin_account"].schema if field.name != "run_key"])
    return pa.Table.from_pylist([{"account_id": n, "source_uri": run} for n in range(count)], schema=schema)


def manifest_row(stamp, **columns):
    row = dict.fromkeys(TABLES["night_manifest"].schema.names)
    finished = datetime(2020, 1, 1, tzinfo=UTC)
    return {
        **row,
        "settlement_date": stamp.night,
        "run_key": stamp.run_key,
        "attempt": 1,
        "finished_at": finished,
        **columns,
    }


def write_night(lake, stamp, count=ROWS_PER_TABLE):
    run = stamp.run_key[0]
    lake.replace_static("fin_account", accounts("bank"), stamp)
    for table in KEYED:
        lake.replace(table, stamp.night, rows_of(table, stamp.night, run, count), stamp)


def publish_night(lake, stamp, count=ROWS_PER_TABLE):
    write_night(lake, stamp, count)
    lake.publish_manifest(manifest_row(stamp), stamp)


def seen(lake, night):
    """What a reader sees of a night: by table, the names of the runs of its rows; None for an unpublished one."""
    if lake.published(night) is None:
        assert all(lake.read(table, night, night).num_rows == 0 for table in KEYED)
        return None
    return {table.name: lake.read(table, night, night)[RUN_COLUMN[table.name]].to_pylist() for table in KEYED}


def whole(run):
    """What a reader sees of a night that a run published."""
    return {table.name: [run] * ROWS_PER_TABLE for table in KEYED}


def night_number(number):
    return date.fromordinal(date(2020, 1, 1).toordinal() + number)
