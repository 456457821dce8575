"""What became of rows that retention removed: a record by night and table, written before the rows go.

A record carries the key of the run whose rows went. It is read like any row of that run: when another run publishes the
night again, with rows of its own, the record goes as the old run's rows do.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa

from include.lake.lake import Lake
from include.lake.tables import RUN_KEY, TIMESTAMP, Table
from include.relations import DATE, TEXT

RETIRED = Table(
    "retired_rows",
    pa.schema(
        [
            pa.field("settlement_date", DATE),
            pa.field("table_name", TEXT),
            pa.field("row_count", pa.int64()),
            pa.field("content_digest", TEXT),  # as the night's hash takes it; null for a table that it does not cover
            pa.field("retired_at", TIMESTAMP),
            RUN_KEY,
        ]
    ),
    "settlement_date",
    ("table_name",),
)
"""One row for each table whose rows of a published night were removed because their time to be kept was over."""


def recorded(lake: Lake, night: date) -> dict[str, dict[str, Any]]:
    """The records of a published night, by the name of the table; their rows may not have gone yet."""
    return {row["table_name"]: row for row in lake.read(RETIRED, night, night).to_pylist()}


def retired(lake: Lake, night: date) -> dict[str, dict[str, Any]]:
    """The records of a published night's tables whose rows are gone, by the name of the table."""
    return {name: record for name, record in recorded(lake, night).items() if not lake.count(name, night)}
