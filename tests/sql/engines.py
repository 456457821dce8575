"""Every room's SQL on the engine that the room itself prepares, with its own macros, parameters and table types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import pyarrow as pa

from include.casework.outcomes import FINDING_COLUMNS as CASEWORK_COLUMNS
from include.features import district_points
from include.features import engine as features
from include.features.plan import SQL_FOLDER, feature_plan
from include.features.state import STATE_SCHEMAS
from include.lake.tables import REVERSES, REVIEWS_SCHEMA
from include.marts import MART_TABLES
from include.marts.inputs import FINDING_COLUMNS, INPUT_SCHEMAS, NIGHT_FIGURES_SCHEMA
from include.marts.nightly import NORMAL_QUANTILE
from include.masking.places import HOUSEHOLDS_SCHEMA, LEAST_CLIENTS, PLACES_SCHEMA, WITHHELD_SCHEMA
from include.quality import reversals
from include.relations import DATE, FIN_TRANSACTION, IDENTIFIER, MONEY, RELATIONS, STATIC_RELATIONS, TEXT
from include.reviews import risk
from include.reviews.queries import queries
from include.settlement import due_dates, fees, interest
from include.settlement import reversals as payment_reversals
from include.settlement.queries import night_tables
from include.settlement.state import BILLS_SCHEMA
from include.sources import counting
from include.sql_engine import SqlEngine

Tables = Mapping[str, pa.Table]
Params = Mapping[str, Any]
Schemas = dict[str, pa.Schema]

LINKED = FIN_TRANSACTION.schema.append(REVERSES)
STATICS: Schemas = {name: RELATIONS[name].schema for name in STATIC_RELATIONS}


@dataclass(frozen=True)
class Room:
    """One folder of SQL files.

    Attributes
    ----------
    run
        The rows of a query over tables, with parameters.
    schemas
        The type of every table its queries may read.
    params
        The parameters that the product gives a query.
    """

    run: Callable[[str, Tables, Params], pa.Table]
    schemas: Callable[[], Schemas]
    params: Callable[[str], Params]


def empty_tables(schemas: Schemas) -> Tables:
    """An empty table of every schema."""
    return {name: schema.empty_table() for name, schema in schemas.items()}


# Settlement

_SETTLEMENT_PARAMS: dict[str, Params] = {
    "duplicate_postings": {"balances_tell": True},
    "fee_tariffs": {"min_peers": fees.MIN_PEERS, "since": date.min},
    "interest_amount": {
        "month_days": interest.MONTH_DAYS,
        "min_peers": interest.MIN_PEERS,
        "largest_multiple": interest.LARGEST_MULTIPLE,
        "rounding_cents": 1,
    },
    "monthly_bills": {"early_days": due_dates.EARLY_DAYS},
    "payment_reversals": {"reach_days": payment_reversals.REACH_DAYS, "same_days": due_dates.EARLY_DAYS},
}
_BILL_KIND = "select bill_kind(category, trans_type) as kind from postings"


def _settle(query: str, given: Tables, params: Params) -> pa.Table:
    posted = {name: given.get(name, LINKED.empty_table()) for name in ("postings", "lookback")}
    others = {name: table for name, table in given.items() if name not in posted}
    with night_tables({name: others[name] for name in STATICS if name in others}, **posted) as tables:
        if query == "bill_kind":
            return tables._connection.sql(_BILL_KIND).to_arrow_table()
        for name in others.keys() - STATICS.keys():
            tables.put(name, others[name])
        return tables.table(query, **params)


@cache
def _settlement_schemas() -> Schemas:
    payments = _settle("order_payments", {}, {}).schema
    grace = pa.schema([("day", DATE), ("passed", DATE)])
    return {**STATICS, "postings": LINKED, "lookback": LINKED, "bills": BILLS_SCHEMA, "grace": grace} | {
        "payments": payments
    }


# Reversals at the gate


def _gate(query: str, given: Tables, params: Params) -> pa.Table:
    with SqlEngine.open("quality", given) as engine:
        return engine.table(query, **params)


@cache
def _gate_schemas() -> Schemas:
    posted = reversals._posted(FIN_TRANSACTION.schema.empty_table(), None)
    return {"posted": posted.schema, "suspects": _gate("suspects", {"posted": posted}, {}).schema}


_GATE_PARAMS: Params = {"negative_days": reversals.NEGATIVE_DAYS, "contra_days": reversals.CONTRA_DAYS}

# Sources


def _read(query: str, given: Tables, params: Params) -> pa.Table:
    if query == "row_json":
        return pa.table({"record_json": counting.as_json(given["records"])})
    return counting.totals(given["rows"], given["unreadable"], **params)


_SOURCE_SCHEMAS: Schemas = {
    "rows": pa.schema([("night", DATE), ("amount", MONEY), ("raw", TEXT), ("reader_codes", TEXT)]),
    "unreadable": pa.schema([("night", DATE), ("raw", TEXT), ("reason_codes", TEXT)]),
    "records": pa.schema([("trans_id", IDENTIFIER), ("day", DATE), ("amount", MONEY), ("words", TEXT)]),
}

# Publication


def _digest(query: str, given: Tables, params: Params) -> pa.Table:
    with SqlEngine.open("publish", given) as engine:
        return engine.table(query, **params)


_PUBLISHED = pa.schema([("trans_id", IDENTIFIER), ("words", TEXT)])

# Counterparties

_KEY = "select counterparty_key(number, words, bank) as key from sides"
_SIDES = pa.schema([("number", IDENTIFIER), ("words", TEXT), ("bank", TEXT)])


def _name_sides(_query: str, given: Tables, _params: Params) -> pa.Table:
    with SqlEngine.open("counterparties", {"sides": given["sides"]}) as engine:
        return engine._connection.sql(_KEY).to_arrow_table()


# Reviews

_LOW, _HIGH = risk.LEVEL_SHARES
_DISMISSAL_PARAMS = {"expiry_days": risk.EXPIRY_DAYS, "most_a_night": risk.MOST_DISMISSALS}
_REVIEW_PARAMS: dict[str, Params] = {
    "dismissals": _DISMISSAL_PARAMS,
    "dismissed_checks": _DISMISSAL_PARAMS,
    "levels": {"window_days": risk.WINDOW_DAYS, "half_life_days": risk.HALF_LIFE_DAYS},
    "level_counts": {"measured_days": risk.MEASURED_DAYS, "low": _LOW, "high": _HIGH},
    "rises": {"low": _LOW, "high": _HIGH},
}


def _review(query: str, given: Tables, params: Params) -> pa.Table:
    with queries(**given) as engine:
        return engine.table(query, **params)


@cache
def _review_schemas() -> Schemas:
    schemas = {
        "reviews": REVIEWS_SCHEMA,
        "postings": FIN_TRANSACTION.schema,
        "findings": risk.FINDINGS_SCHEMA,
        "level_shifts": risk._SHIFTS,
    }
    for query in ("decisions", "break_decisions", "grounds", "delays", "levels"):
        params = {} if query in ("delays", "levels") else {"night": date.max}
        given = empty_tables(schemas)
        schemas[query] = _review(query, given, {**params, **_REVIEW_PARAMS.get(query, {})}).schema
    return schemas


# Features

HABIT_DAYS = features.HABIT_DAYS


def _describe(query: str, given: Tables, params: Params) -> pa.Table:
    with SqlEngine.open(SQL_FOLDER, given) as engine:
        engine.shared = dict(params)
        return engine.table(query)


def _feature_params(_query: str) -> Params:
    """The constants, and nothing that depends on the night: that a case names itself."""
    of_nights = ("first_described", "last_night")
    values = features.parameters(date.min, date.min, HABIT_DAYS, knows_products=True)
    return {name: value for name, value in values.items() if name not in of_nights}


@cache
def _feature_schemas() -> Schemas:
    """Whatever each query makes of nothing has the types of what it makes of a night."""
    transactions = {"transactions": LINKED, "known_towns": features.known_towns([]).schema}
    schemas: Schemas = {**STATICS, **transactions, **STATE_SCHEMAS}
    values = {**_feature_params(""), **dict.fromkeys(("first_described", "first_night", "last_night"), date.max)}
    for step in [*feature_plan().habits, *feature_plan().stretch]:
        schemas[step.query] = _describe(step.query, empty_tables(schemas), values).schema
    return schemas


# Marts

_MART_PARAMS: dict[str, Params] = {"mart_model_performance": {"normal_quantile": NORMAL_QUANTILE}}


def _mart(query: str, given: Tables, params: Params) -> pa.Table:
    with SqlEngine.open("marts", given) as engine:
        return engine.table(query, **params)


@cache
def _mart_schemas() -> Schemas:
    """What the night's queries build on: each other, and what the product puts beside the night's own tables."""
    findings = INPUT_SCHEMAS["earlier_findings"]
    matched = pa.schema([findings.field(name) for name in FINDING_COLUMNS])
    schemas: Schemas = {
        **INPUT_SCHEMAS,
        "night_figures": NIGHT_FIGURES_SCHEMA,
        "decisions": _review_schemas()["decisions"],
        "month_days": INPUT_SCHEMAS["earlier_account_days"],
        "findings": matched,
        "model_findings": matched.append(findings.field("model_version")),
    }
    for query, params in (("homes", {"night": date.max}), ("owners", {}), ("finding_states", {})):
        schemas[query] = _mart(query, empty_tables(schemas), params).schema
    return schemas


# Casework


def _sum_up(query: str, given: Tables, params: Params) -> pa.Table:
    with SqlEngine.open("casework", given) as engine:
        return engine.table(query, **params)


def _casework_schemas() -> Schemas:
    findings = MART_TABLES["mart_findings"].schema
    return {"findings": pa.schema([findings.field(name) for name in CASEWORK_COLUMNS])}


# What is shown of whom


def _mask(query: str, given: Tables, params: Params) -> pa.Table:
    with SqlEngine.open("masking", given) as engine:
        return engine.table(query, **params)


_MASKING_SCHEMAS: Schemas = {
    **{name: STATICS[name] for name in ("fin_client", "fin_disposition", "fin_district")},
    "district_points": district_points(STATICS["fin_district"].empty_table()).schema,
    "households": HOUSEHOLDS_SCHEMA,
    "shown": PLACES_SCHEMA,
    "withheld": WITHHELD_SCHEMA,
}
_MASKING_PARAMS: dict[str, Params] = {
    query: {"least_clients": LEAST_CLIENTS} for query in ("shown_places", "thinly_shown")
}

ROOMS: dict[str, Room] = {
    "settlement": Room(_settle, _settlement_schemas, lambda query: _SETTLEMENT_PARAMS.get(query, {})),
    "quality": Room(_gate, _gate_schemas, lambda query: _GATE_PARAMS if query == "reversals" else {}),
    "publish": Room(_digest, lambda: {"rows": _PUBLISHED}, lambda _query: {}),
    "sources": Room(_read, lambda: _SOURCE_SCHEMAS, lambda _query: {}),
    "counterparties": Room(_name_sides, lambda: {"sides": _SIDES}, lambda _query: {}),
    "reviews": Room(_review, _review_schemas, lambda query: _REVIEW_PARAMS.get(query, {})),
    "marts": Room(_mart, _mart_schemas, lambda query: _MART_PARAMS.get(query, {})),
    "casework": Room(_sum_up, _casework_schemas, lambda _query: {}),
    "masking": Room(_mask, lambda: _MASKING_SCHEMAS, lambda query: _MASKING_PARAMS.get(query, {})),
    "features": Room(_describe, _feature_schemas, _feature_params),
}
"""Every folder of SQL files, by its name."""
