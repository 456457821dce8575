"""Reads the tables of earlier nights that a night's monitoring needs from the lake."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from include.lake import Lake
from include.learning import PROFILE_TABLE
from include.monitoring.drift import MOST_MONTH_DAYS, REFERENCE_MONTHS, YEAR_DAYS
from include.monitoring.notices import REPEAT_DAYS, Told
from include.monitoring.performance import NIGHTS_SCHEMA
from include.monitoring.watch import NOTICES_TABLE

REVIEW_SCHEMA = pa.schema([pa.field("trans_id", pa.int64()), pa.field("decision", pa.string())])
"""Latest decision on each posting, as known when the night ended."""
FLAGGED_SCHEMA = pa.schema(
    [
        pa.field("settlement_date", pa.date32()),
        pa.field("trans_id", pa.int64()),
        pa.field("code", pa.string()),
    ]
)
"""Findings of nights, each with its published reason code."""

_ONE_DAY = timedelta(days=1)
_LOOK_BACK = timedelta(days=MOST_MONTH_DAYS * (1 + REFERENCE_MONTHS) - 1)


def first_profile(since: date, night: date) -> date:
    """The first night whose profile matters to `night`: in the same month a year ago, or the first available one."""
    return max(since, night - timedelta(days=YEAR_DAYS + MOST_MONTH_DAYS - 1))


def profiles_before(lake: Lake, since: date, night: date) -> pa.Table:
    """Rows of `PROFILE_TABLE` for the months before a night and the same month a year ago, not before `since`."""
    year_ago = night - timedelta(days=YEAR_DAYS)
    spans = [
        (max(since, night - _LOOK_BACK), night - _ONE_DAY),
        (max(since, year_ago - timedelta(days=MOST_MONTH_DAYS - 1)), year_ago),
    ]
    wanted = ["settlement_date", "model_base", "feature", "bin", "rows"]
    known = [lake.read(PROFILE_TABLE, *span, wanted) for span in spans if span[0] <= span[1]]
    return pa.concat_tables([pa.schema([PROFILE_TABLE.schema.field(name) for name in wanted]).empty_table(), *known])


def nights_before(lake: Lake, since: date, night: date) -> pa.Table:
    """Rows of `NIGHTS_SCHEMA` for the nights before a night."""
    rows = lake.manifest(max(since, night - _LOOK_BACK), night - _ONE_DAY)
    is_scored = pc.is_valid(rows["model_version"])
    columns = [
        rows["settlement_date"],
        is_scored,
        pc.multiply(rows["published_rows"], is_scored.cast(pa.int64())),
        rows["offered_rows"],
        pc.add(rows["quarantined_rows"], rows["unreadable_rows"]),
    ]
    return pa.table(columns, schema=NIGHTS_SCHEMA)


def flagged_before(lake: Lake, since: date, night: date) -> pa.Table:
    """Rows of `FLAGGED_SCHEMA` for the nights before a night."""
    wanted = [*FLAGGED_SCHEMA.names, "kind"]
    return flagged(lake.read("alerts", max(since, night - _LOOK_BACK), night - _ONE_DAY, wanted))


def flagged(alerts: pa.Table) -> pa.Table:
    """The findings among alerts, as rows of `FLAGGED_SCHEMA`."""
    return alerts.filter(pc.equal(alerts["kind"], "score")).select(FLAGGED_SCHEMA.names).cast(FLAGGED_SCHEMA)


def told_before(lake: Lake, since: date, night: date) -> list[Told]:
    """The notices of the nights before a night, as far back as they matter for repetitions."""
    first = max(since, night - timedelta(days=2 * REPEAT_DAYS))
    return [Told.of(row) for row in lake.read(NOTICES_TABLE, first, night - _ONE_DAY).to_pylist()]
