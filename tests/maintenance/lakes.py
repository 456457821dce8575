"""Small lakes to maintain: honest nights that verify, and figures of what lies in their folders."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from include.lake import TABLES, RunStamp
from include.lake.commit import Change, guarded_commit
from include.lake.data_files import write_data_file
from include.lake.rows import keyed_rows
from include.maintenance.expiry import Moment
from include.maintenance.maintain import Maintenance
from include.night.verify import verify
from include.publish.digest import hashed_columns, output_hash
from include.settings import Settings
from tests.lake.nights import (
    STATE,
    accounts,
    manifest_row,
    night_number,
    open_lake,
    publish_night,
    rows_of,
    seen,
    stamp_of,
)

SAFE = timedelta(hours=48)
LATER = timedelta(days=3)


def maintenance(folder, after=LATER, is_dry=False, now=None, **settings):
    """The maintenance of a lake some time from now, since its files are of now."""
    return Maintenance.of(str(folder), Settings(**settings), (now or datetime.now(UTC)) + after, is_dry)


def moment(after=LATER, safe_age=SAFE):
    return Moment(datetime.now(UTC) + after, safe_age)


FIRST, NIGHTS = 25, 14
"""Number of the first night, 26 January, and how many there are: six in January, eight in February."""


def lake_of_nights(folder, nights=range(FIRST, FIRST + NIGHTS)):
    """A lake in which the run a published some nights."""
    lake = open_lake(folder)
    for number in nights:
        publish_night(lake, stamp_of("a", night_number(number)))
    return lake


def all_seen(lake):
    """What a reader sees of each night, by its number."""
    return {number: seen(lake, night_number(number)) for number in range(FIRST, FIRST + NIGHTS)}


def everything(lake):
    """All that readers see: the rows of every table but for their order."""
    names = lake._catalog.names()
    return {name: sorted(map(repr, lake.read(name).to_pylist())) for name in names}


def files_in(folder):
    """Every file of the tables with its size."""
    return {str(file): file.stat().st_size for file in (folder / "ads").rglob("*") if file.is_file()}


def publish_honestly(lake, night: date, run: str = "a", postings: int = 3) -> RunStamp:
    """Publish a night whose manifest row bears out what is published."""
    stamp = stamp_of(run, night)
    schema = pa.schema([field for field in TABLES["fin_transaction"].schema if field.name != "run_key"])
    rows = [
        {"trans_id": number, "account_id": 1, "settlement_date": night, "amount": 10, "source_uri": run}
        for number in range(postings)
    ]
    outputs = {
        "fin_transaction": pa.Table.from_pylist(rows, schema),
        "quarantine": TABLES["quarantine"].schema.empty_table().drop_columns(["run_key"]),
    }
    lake.replace_static("fin_account", accounts("bank"), stamp)
    for name, table in outputs.items():
        lake.replace(name, night, table, stamp)
    lake.replace(STATE, night, rows_of(STATE, night, run), stamp)
    counts = {"offered": postings, "published": postings, "quarantined": 0, "deduplicated": 0}
    columns = {
        **{f"{what}_rows": count for what, count in counts.items()},
        **{f"{what}_cents": count * 1000 for what, count in counts.items()},
        "unreadable_rows": 0,
        "output_hash": output_hash(outputs),
        "columns": json.dumps({"hashed": hashed_columns(outputs), "state": {}}),
    }
    lake.publish_manifest(manifest_row(stamp, **columns), stamp)
    return stamp


def several_files(lake, night, run, parts):
    """Rows of one run and night in several data files, which the lake itself never leaves."""
    table, stamp = lake._catalog.load(STATE.name), stamp_of(run, night)
    files = [
        write_data_file(table, keyed_rows(STATE, rows_of(STATE, night, run, 2), stamp.run_key), f"part={part}")
        for part in range(parts)
    ]
    guarded_commit(lake._catalog, STATE.name, lambda _now: Change(add=files), stamp)


def verified(folder, night=None):
    return verify(str(folder), night)


def grow_old(folder, days=100):
    """Make a lake as old as if its nights had been played some days earlier: its snapshots, and its files."""
    past, shift = time.time() - days * 86400, days * 86_400_000
    for path in (folder / "ads").rglob("*.metadata.json"):
        path.write_text(json.dumps(_shifted(json.loads(path.read_text()), shift)))
    for path in (folder / "ads").rglob("*.*"):
        os.utime(path, (past, past))


def _shifted(found, shift):
    if isinstance(found, dict):
        return {
            key: value - shift if key in ("timestamp-ms", "last-updated-ms") else _shifted(value, shift)
            for key, value in found.items()
        }
    return [_shifted(each, shift) for each in found] if isinstance(found, list) else found
