"""Brings the findings of earlier nights up to date with the reviews that were taken in since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pyarrow as pa

from include.lake import Lake
from include.lake.tables import REVIEWS_SCHEMA, RUN_KEY
from include.marts.inputs import FINDING_COLUMNS
from include.marts.nightly import SQL_FOLDER
from include.marts.tables import MART_TABLES
from include.reviews.intake import KNOWN_DAYS
from include.sql_engine import SqlEngine

_STATE = ("review_state", "reviewed_on")
_FINDINGS = MART_TABLES["mart_findings"]


def restated_findings(lake: Lake, night: date) -> dict[date, pa.Table]:
    """The published findings whose state of review is not what the published reviews say, night by night.

    It compares what the lake holds, so that it gives nothing once its rows are written, and a later night makes up for
    one that could not write them.

    Parameters
    ----------
    lake
        The lake, after the night was published.
    night
        The night; findings of the `KNOWN_DAYS` before it and of itself are looked at.

    Returns
    -------
    dict of date to pyarrow.Table
        All rows of `mart_findings`, without `run_key`, of each night in which a finding changes.
    """
    first = night - timedelta(days=KNOWN_DAYS)
    held = lake.read(_FINDINGS, first, night, [*FINDING_COLUMNS, *_STATE])
    reviews = lake.read("reviews", first, None, REVIEWS_SCHEMA.names)
    states = states_of(held, reviews)
    return {day: with_states(_rows(lake, day), states) for day in _changed(held, states)}


def states_of(findings: pa.Table, reviews: pa.Table) -> pa.Table:
    """The state of review of each finding: `settlement_date`, `rank`, `review_state` and `reviewed_on`."""
    with SqlEngine.open(SQL_FOLDER, {"findings": findings, "reviews": reviews}) as engine:
        return engine.table("finding_states")


def with_states(findings: pa.Table, states: pa.Table) -> pa.Table:
    """The findings with the states in place of their own."""
    keys = ["settlement_date", "rank"]
    joined = findings.drop_columns(list(_STATE)).join(states, keys, join_type="left outer").sort_by("rank")
    return joined.select(findings.column_names).cast(findings.schema)


def _changed(held: pa.Table, states: pa.Table) -> Iterator[date]:
    keys = ("settlement_date", "rank", *_STATE)
    now = set(zip(*(states[name].to_pylist() for name in keys), strict=True))
    then = set(zip(*(held[name].to_pylist() for name in keys), strict=True))
    return iter(sorted({row[0] for row in now - then}))


def _rows(lake: Lake, night: date) -> pa.Table:
    return lake.read(_FINDINGS, night, night).drop_columns([RUN_KEY.name])
