"""What a night carries over from earlier ones: the state as of the day before, and the look-back.

Both are read from the lake, or built in one pass over the source where the night before was never published.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include import settlement
from include.features.state import STATE_SCHEMAS, unknown_columns
from include.lake import Lake
from include.lake.retired import retired
from include.lake.tables import TABLES, Table
from include.models.threshold import budget_month
from include.night.columns import NightColumns
from include.night.late import STATE_TOTALS
from include.relations import DATE, FIN_TRANSACTION
from include.scoring import EARLIER_SCHEMA

ONE_DAY = timedelta(days=1)

STATE_LOOKBACK = Table(
    "state_lookback",
    pa.schema([pa.field("night", DATE), *TABLES[FIN_TRANSACTION.name].schema]),
    "night",
    ("trans_id",),
)
"""Postings before a first night, stored with it. The nights that follow read them until enough nights are published."""

STATE_CHAIN_START = Table(
    "state_first_night",
    pa.schema([pa.field("settlement_date", DATE), pa.field("first_night", DATE), pa.field("run_key", pa.string())]),
    "settlement_date",
    ("first_night",),
)
"""The first night of the unbroken run of nights that the partition's night belongs to."""


STATE_BUDGET = Table(
    "state_budget",
    pa.schema([pa.field("settlement_date", DATE), pa.field("budget_since", DATE), pa.field("run_key", pa.string())]),
    "settlement_date",
    ("budget_since",),
)
"""The first night that shares its alert budget with the partition's night."""


def has_predecessor(lake: Lake, night: date) -> bool:
    """Whether the night before is published, so that its state can be advanced."""
    return lake.published(night - ONE_DAY) is not None


def knows_enough(lake: Lake, night: date) -> bool:
    """Whether the state of the night before, which is published, has every column and value that this version needs.

    A state that an older version left may lack some, and retention may have removed one of long ago; it is then rebuilt
    from the history.
    """
    before = night - ONE_DAY
    row = lake.published(before)
    return (
        row is not None and _has_every_column(row) and not _is_retired(lake, before) and _has_every_value(lake, before)
    )


def _is_retired(lake: Lake, night: date) -> bool:
    """Whether retention removed any of the state that the night left: without rows it would look like an empty bank."""
    needed = {*settlement.STATE_SCHEMAS, *STATE_SCHEMAS, STATE_TOTALS.name}
    return bool(needed & retired(lake, night).keys())


def _has_every_column(row: Mapping[str, Any]) -> bool:
    kept = NightColumns.kept(row).state
    needed = {**settlement.STATE_SCHEMAS, **STATE_SCHEMAS}
    return all(set(schema.names) <= set(kept.get(name, ())) for name, schema in needed.items())


def _has_every_value(lake: Lake, night: date) -> bool:
    """Whether no row is null in a needed column; rows that an older version wrote without the column are."""
    kinds = lake.read(state_table("state_kinds", STATE_SCHEMAS["state_kinds"]), night, night)
    return not unknown_columns("state_kinds", kinds)


def first_night_of(lake: Lake, night: date) -> date:
    """The first night of the unbroken run of nights that ends with the night before `night`.

    Each night stored the first night that was known when it was published; earlier nights may have been published
    since, so that the search goes on from there.
    """
    first = night
    while has_predecessor(lake, first):
        before = first - ONE_DAY
        kept: list[date] = lake.read(STATE_CHAIN_START, before, before)["first_night"].to_pylist()
        if not kept:  # retention removed it: what lies before is longer ago than any night looks back
            return before
        first = kept[0]
    return first


def lookback_from_lake(lake: Lake, night: date, days: int) -> pa.Table:
    """Accepted transactions of the `days` before `night`: published ones, and those stored with the first night."""
    first, last = night - timedelta(days=days), night - ONE_DAY
    first_night = first_night_of(lake, night)
    published = lake.read(FIN_TRANSACTION.name, max(first, first_night), last)
    if first >= first_night:
        return published.drop_columns(["run_key"])
    kept = lake.read(STATE_LOOKBACK, first_night, first_night)
    kept = kept.filter(pc.field("trans_date") >= pa.scalar(first, DATE))
    return pa.concat_tables([kept.select(published.column_names), published]).drop_columns(["run_key"])


def lookback_from_history(history: pa.Table, night: date, days: int) -> pa.Table:
    """Those of a history's accepted transactions that lie in the last `days` before `night`."""
    first = pa.scalar(night - timedelta(days=days), DATE)
    return history.filter((pc.field("trans_date") >= first) & (pc.field("trans_date") < pa.scalar(night, DATE)))


def budget_since(lake: Lake, night: date) -> date:
    """The first night whose findings count against the alert budget of `night`.

    A night that is run again shares its budget with the same nights as before, whatever was published meanwhile.
    """
    kept = lake.read(STATE_BUDGET, night, night)
    since: date = kept["budget_since"][0].as_py() if kept.num_rows else first_night_of(lake, night)
    return max(since, budget_month(night))


def scores_between(lake: Lake, since: date, night: date) -> pa.Table:
    """Scores (`EARLIER_SCHEMA`) of the nights from `since` on, up to the night before `night`."""
    if since == night:
        return EARLIER_SCHEMA.empty_table()
    return lake.read("anomaly_scores", since, night - ONE_DAY, EARLIER_SCHEMA.names)


def state_from_lake(lake: Lake, night: date, schemas: Mapping[str, pa.Schema]) -> dict[str, pa.Table]:
    """State tables as of the day before `night`, without the columns the lake added."""
    before = night - ONE_DAY
    return {
        name: lake.read(state_table(name, schema), before, before).select(schema.names)
        for name, schema in schemas.items()
    }


def state_table(name: str, schema: pa.Schema) -> Table:
    """The table of the lake that stores one table of the state."""
    fields = [pa.field("settlement_date", DATE), *schema, pa.field("run_key", pa.string())]
    return Table(name, pa.schema(fields), "settlement_date", ())


def of_night(table: pa.Table, night: date, column: str = "settlement_date") -> pa.Table:
    """A table's rows with the night that they belong to as their first column."""
    return table.add_column(0, pa.field(column, DATE), pa.array([night] * table.num_rows, DATE))
