"""A lake of three nights around the end of a month, as full and masked readers see it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.lake import Lake, RunStamp, Table
from include.lake.tables import RUN_KEY, TABLES, VERSION_COLUMN
from include.marts import MART_TABLES, MASKED_MARTS
from include.masking.tables import MASKED_TABLES
from include.settings import Settings
from tests.lake.nights import manifest_row

Row = dict[str, Any]

NIGHTS = [date(1994, 1, 30), date(1994, 1, 31), date(1994, 2, 1)]
ACCOUNT = 4711
"""The account of all postings, which no masked reader may see."""
POSTINGS = 10
"""Postings of each night: the first is flagged, the second is broken."""
SHOWN, HIDDEN = "Benesov", "Beroun"
"""District of the flagged posting, and of the broken one, whose district masked readers do not see."""
EVIL = "</script><script>document.title='owned'</script>"
"""Code of the break on the last night."""


def publish_nights(folder: Path) -> Settings:
    """Publish the nights, and give the settings of their lake."""
    lake = Lake.open(str(folder), Settings())
    for place, night in enumerate(NIGHTS):
        stamp = RunStamp(night.isoformat(), "first", night)
        for table, rows in _tables(place, night):
            version = 1 if table.has_versions else None
            if table.night_column:
                lake.replace(table, night, rows, stamp, version)
            else:
                lake.replace_static(table, rows, stamp, version)
        lake.show_version(1, stamp)
        summary = '{"breaks": {"balance_chain": 1}, "flagged": 1}'
        counts = {f"{name}_rows": POSTINGS for name in ("offered", "published")}
        row = manifest_row(stamp, model_version="m", summary=summary, **counts)
        lake.publish_manifest(row, stamp)
    return Settings(lake_uri=str(folder))


def _tables(place: int, night: date) -> Iterator[tuple[Table, pa.Table]]:
    for name, rows in _rows(place, night).items():
        full = {**TABLES, **MART_TABLES}[name]
        masked = {**MASKED_TABLES, **MASKED_MARTS}[name]
        yield full, _typed(full, rows)
        yield masked, _typed(masked, [_masked(row) for row in rows])


def _typed(table: Table, rows: list[Row]) -> pa.Table:
    schema = pa.schema([field for field in table.schema if field.name != RUN_KEY.name])
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)


def _masked(row: Row) -> Row:
    """A row as masked readers see it."""
    named = {name: f"{row[name]:032x}" for name in ("trans_id", "account_id", "district_id") if row.get(name)}
    return {**row, **named, VERSION_COLUMN: 1}


def _rows(place: int, night: date) -> dict[str, list[Row]]:
    always: Row = {"settlement_date": night}
    numbers = [1000 * (place + 1) + n for n in range(1, POSTINGS + 1)]
    flagged = {
        "finding_id": f"{night}-1",
        "kind": "score",
        "code": "amount",
        "score": 0.9,
        "amount": Decimal("1000.00"),
    }
    broken = {"finding_id": f"{night}-2", "kind": "break", "code": "balance_chain", "amount": Decimal("-50.00")}
    if night == NIGHTS[-1]:
        broken["code"] = EVIL
    homes = [{"district_name": SHOWN, "shown_district": SHOWN}, {"district_name": HIDDEN, "shown_district": None}]
    findings = [
        {**always, "rank": n, "account_id": ACCOUNT, "trans_id": numbers[n - 1], **home, **found}
        for n, (home, found) in enumerate(zip(homes, (flagged, broken), strict=True), start=1)
    ]
    so_far = POSTINGS * (1 if night.day == 1 else night.day)
    districts = [{**always, "month": night.replace(day=1), **home, "postings": so_far // 2} for home in homes]
    scores = [{**always, "trans_id": number, "score": 0.9 if n == 0 else 0.1} for n, number in enumerate(numbers)]
    return {
        "fin_transaction": [_posting(always, number, n) for n, number in enumerate(numbers)],
        "anomaly_scores": scores,
        "transaction_features": [
            {**always, "trans_id": number, "balance_share": 0.5, "distance": 0.0, **_home(n)}
            for n, number in enumerate(numbers)
        ],
        "mart_findings": findings,
        "mart_district_months": districts,
        "mart_model_performance": [{**always, "model_version": "m", "scored": 10, "score_p50": 0.1, "score_p99": 0.8}],
        "mart_nights": [{**always, "published_money": Decimal("5000.00")}],
        "fin_district": [
            {"district_id": number, "district_name": name, "shown_district": shown}
            for number, name, shown in ((1, SHOWN, SHOWN), (2, HIDDEN, None))
        ],
    }


def _posting(always: Row, number: int, place: int) -> Row:
    kind = {"account_id": ACCOUNT, "trans_type": "D", "operation": "WIC"}
    return {**always, **kind, "trans_id": number, "amount": Decimal(100 * (place + 1)), "trans_time": time(place, 30)}


def _home(place: int) -> Row:
    """The flagged posting is of the district that is shown, all others of the one that is not."""
    return {"client_district": 1, "shown_district": SHOWN} if place == 0 else {"client_district": 2}
