"""What became of rows that retention removed: a record by night and table, written before the rows go.

A record carries the key of the run whose rows went. It is read like any row of that run: when another run publishes the
night again, with rows of its own, the record goes as the old run's rows do.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa

from include.lake.lake import Lake
from include.lake.tables import COUNT, RUN_KEY, TIMESTAMP, Table, commented
from include.relations import DATE, TEXT

RETIRED = Table(
    "retired_rows",
    pa.schema(
        [
            commented("settlement_date", DATE, "settlement date"),
            commented("table_name", TEXT, "table whose rows of the night were removed"),
            commented("row_count", COUNT, "rows that were removed"),
            commented("content_digest", TEXT, "their digest in the night's hash; null where it covers none"),
            commented("retired_at", TIMESTAMP, "when it was put on record, before the rows were removed"),
            RUN_KEY,
        ]
    ),
    "settlement_date",
    ("table_name",),
    "one table whose rows of a night were removed, as their time to be kept was over",
)
"""One row for each table whose rows of a published night were removed because their time to be kept was over."""


def recorded(lake: Lake, night: date) -> dict[str, dict[str, Any]]:
    """The records of a published night, by the name of the table; their rows may not have gone yet."""
    return {row["table_name"]: row for row in lake.read(RETIRED, night, night).to_pylist()}


def retired(lake: Lake, night: date) -> dict[str, dict[str, Any]]:
    """The records of a published night's tables whose rows are gone, by the name of the table."""
    return {name: record for name, record in recorded(lake, night).items() if not lake.count(name, night)}
