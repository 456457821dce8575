"""Computes the marts of one night from what it publishes; no clock, no lake, no file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from include.lake.tables import RUN_KEY
from include.marts.inputs import FINDING_COLUMNS, INPUT_SCHEMAS, Earlier, NightFigures
from include.marts.tables import MART_TABLES, SHOWN_DISTRICT_MONTHS
from include.relations import conformed
from include.reviews.intake import decisions_of
from include.sql_engine import SqlEngine

Tables = Mapping[str, pa.Table]

SQL_FOLDER = "marts"
NORMAL_QUANTILE = 1.959964
"""The normal distribution's quantile for a two-sided interval at 95 %."""

_PLAIN = ("mart_nights", "mart_money_days", "transaction_features")
"""Marts that need no parameter and no table but those of the night."""


def marts_of(
    night: date,
    published: Tables,
    statics: Tables,
    *,
    figures: NightFigures,
    places: pa.Table,
    reviews: pa.Table,
    closings: pa.Table | None = None,
    features: pa.Table | None = None,
    earlier: Earlier | None = None,
) -> dict[str, pa.Table]:
    """The marts of a night, and its table of features.

    What the bank does not have (clients, districts, balances) is null; nothing fails without it.

    Parameters
    ----------
    night
        The settlement date.
    published
        Outputs of the night by table: postings, scores, breaks and alerts.
    statics
        Accepted static relations by name; each may be absent or lack columns.
    figures
        What the run knows of itself.
    places
        What is shown of each client's home on the night; see `include.masking.places`.
    reviews
        Reviews that the night knows (`REVIEWS_SCHEMA`).
    closings
        Balances that accounts closed on (`CLOSINGS_SCHEMA`); unknown when None.
    features
        The feature catalog's columns (`FEATURES_SCHEMA`); None where no model scored the night.
    earlier
        Marts of earlier nights; none when None.

    Returns
    -------
    dict of str to pyarrow.Table
        Rows by table of `MART_TABLES`, without `run_key`; and under `SHOWN_DISTRICT_MONTHS` the district months that
        masked readers may see, in the columns of `mart_district_months`.
    """
    before = earlier or Earlier.none()
    given = {**statics, **published, "places": places, "reviews": reviews}
    given |= {"closings": closings, "features": features}
    given |= {"earlier_account_days": before.account_days, "earlier_findings": before.findings}
    with SqlEngine.open(SQL_FOLDER, _typed(given)) as engine:
        engine.put("night_figures", figures.row(night))
        engine.put("decisions", decisions_of(reviews, night))
        engine.keep("homes", night=night)
        engine.keep("owners")
        found = {name: engine.table(name) for name in _PLAIN}
        found |= _findings(engine, before) | _account_days(engine, night, before)
    return {name: _as_declared(name, rows) for name, rows in found.items()}


def _typed(given: Mapping[str, pa.Table | None]) -> dict[str, pa.Table]:
    tables = {name: given.get(name) for name in INPUT_SCHEMAS}
    return {
        name: INPUT_SCHEMAS[name].empty_table() if table is None else conformed(table, INPUT_SCHEMAS[name])
        for name, table in tables.items()
    }


def _findings(engine: SqlEngine, before: Earlier) -> dict[str, pa.Table]:
    """The findings with their state, and how the model has done by them."""
    engine.put("findings", engine.view("alerts").project(", ".join(FINDING_COLUMNS)).to_arrow_table())
    engine.keep("finding_states")
    findings = _as_declared("mart_findings", engine.table("mart_findings"))
    columns = [*FINDING_COLUMNS, "model_version"]
    engine.put("model_findings", pa.concat_tables([before.findings.select(columns), findings.select(columns)]))
    performance = engine.table("mart_model_performance", normal_quantile=NORMAL_QUANTILE)
    return {"mart_findings": findings, "mart_model_performance": performance}


def _account_days(engine: SqlEngine, night: date, before: Earlier) -> dict[str, pa.Table]:
    """The accounts of the night, and the month so far by district: for all who may see it, and as it is shown."""
    days = _as_declared("mart_account_days", engine.table("mart_account_days", night=night))
    engine.put("month_days", pa.concat_tables([before.account_days.select(days.column_names), days]))
    months = {"mart_district_months": engine.table("mart_district_months", night=night)}
    engine.keep("shown_homes", "homes")
    months[SHOWN_DISTRICT_MONTHS] = engine.table("mart_district_months", night=night)
    return {"mart_account_days": days, **months}


def _as_declared(name: str, rows: pa.Table) -> pa.Table:
    """The rows in the declared columns and types, without `run_key`."""
    schema = MART_TABLES["mart_district_months" if name == SHOWN_DISTRICT_MONTHS else name].schema
    content = [field for field in schema if field.name != RUN_KEY.name]
    return rows.select([field.name for field in content]).cast(pa.schema(content))


def feature_columns(built: pa.Table, surprises: Mapping[str, pa.Array]) -> pa.Table:
    """The feature catalog's columns of a feature table, for `transaction_features`.

    Parameters
    ----------
    built
        Features as `include.features.build_features` returns them.
    surprises
        Columns that the model's sequence reader gives; without one they are null.
    """
    schema = INPUT_SCHEMAS["features"]
    found = {name: built[name] for name in schema.names if name in built.column_names} | dict(surprises)
    return conformed(pa.table({name: _finite(column) for name, column in found.items()}), schema)


def _finite(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """A column in which what is not a number is null, as it is wherever a value is missing."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
