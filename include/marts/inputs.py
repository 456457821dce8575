"""What the marts of a night are made of, in the types that their queries read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

import pyarrow as pa

from include.lake import Lake
from include.lake.tables import REVIEWS_SCHEMA, RUN_KEY, TABLES
from include.marts.tables import CATALOG_COLUMNS, MART_TABLES
from include.masking.places import PLACES_SCHEMA
from include.quality import Counts
from include.relations import DATE, IDENTIFIER, NUMBER, RELATIONS, TEXT
from include.reviews.intake import KNOWN_DAYS

ONE_DAY = timedelta(days=1)

_PUBLISHED = ("fin_transaction", "anomaly_scores", "settlement_breaks", "alerts")
_STATICS = ("fin_account", "fin_client", "fin_disposition", "fin_district")


def _content(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field for field in schema if field.name != RUN_KEY.name])


FINDING_COLUMNS = ("settlement_date", "rank", "kind", "code", "account_id", "trans_id")
"""Columns of a finding that reviews are matched with."""

FEATURES_SCHEMA = pa.schema(
    [pa.field("trans_id", IDENTIFIER), *(pa.field(name, NUMBER) for name in CATALOG_COLUMNS)],
)
"""The feature catalog's columns of each posting."""

CLOSINGS_SCHEMA = pa.schema(
    [
        pa.field("account_id", IDENTIFIER),
        pa.field("closed_on", DATE),
        pa.field("closing_cents", pa.list_(pa.int64())),  # likeliest first
    ]
)
"""Balances that accounts closed on, as the settlement checks keep them (`state_chain`)."""

INPUT_SCHEMAS: Mapping[str, pa.Schema] = {
    **{name: _content(TABLES[name].schema) for name in _PUBLISHED},
    **{name: RELATIONS[name].schema for name in _STATICS},
    "places": PLACES_SCHEMA,
    "closings": CLOSINGS_SCHEMA,
    "features": FEATURES_SCHEMA,
    "reviews": REVIEWS_SCHEMA,
    "earlier_account_days": _content(MART_TABLES["mart_account_days"].schema),
    "earlier_findings": _content(MART_TABLES["mart_findings"].schema),
}
"""The tables that the queries read, by name."""


@dataclass(frozen=True)
class NightFigures:
    """What a run knows of itself when its outputs are gathered.

    Attributes
    ----------
    model_version
        Version of the model that scored the night; None where none did.
    code_version
        Version of the code.
    counts
        Counts of the night's transactions.
    seconds
        Time from the reading of the source until now.
    """

    model_version: str | None
    code_version: str
    counts: Counts
    seconds: float

    def row(self, night: date) -> pa.Table:
        """The figures as a table of one row (`NIGHT_FIGURES_SCHEMA`)."""
        known = {"model_version": self.model_version, "code_version": self.code_version, "seconds": self.seconds}
        return pa.Table.from_pylist(
            [{"settlement_date": night, **known, **self.counts.as_dict()}], schema=NIGHT_FIGURES_SCHEMA
        )


NIGHT_FIGURES_SCHEMA = pa.schema(
    [
        pa.field("settlement_date", DATE),
        pa.field("model_version", TEXT),
        pa.field("code_version", TEXT),
        pa.field("seconds", NUMBER),
        *(pa.field(name, pa.int64()) for name in Counts().as_dict()),
    ]
)
"""Figures of one run (`NightFigures`)."""


@dataclass(frozen=True)
class Earlier:
    """Marts of earlier nights that a night's marts build on.

    Attributes
    ----------
    account_days
        Rows of `mart_account_days` of the month's nights before this one.
    findings
        Rows of `mart_findings` of the nights whose reviews a night may know.
    """

    account_days: pa.Table
    findings: pa.Table

    @classmethod
    def none(cls) -> Self:
        """No earlier nights."""
        return cls(*(INPUT_SCHEMAS[name].empty_table() for name in ("earlier_account_days", "earlier_findings")))

    @classmethod
    def of(cls, lake: Lake, night: date) -> Self:
        """What the lake holds of the nights before `night`."""
        last = night - ONE_DAY
        days, found = MART_TABLES["mart_account_days"], MART_TABLES["mart_findings"]
        # The month's first night has none before it; a span that ends before it begins holds nothing.
        return cls(
            lake.read(days, night.replace(day=1), last),
            lake.read(found, night - timedelta(days=KNOWN_DAYS), last, [*FINDING_COLUMNS, "model_version"]),
        )
