"""What is shown of each client's home: the district among enough people alike, else the region, else nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pyarrow as pa

from include.features import district_points
from include.relations import IDENTIFIER, NUMBER, RELATIONS, TEXT, conformed
from include.sql_engine import SqlEngine

LEAST_CLIENTS = 5
"""Least number of clients among whom a client's home is told, all of one age band and gender. A decision: as many are
commonly the least in published statistics on persons."""

HOUSEHOLDS_SCHEMA = pa.schema([pa.field("client_id", IDENTIFIER), pa.field("household", IDENTIFIER)])
"""Clients who share accounts, and the household that they form: the smallest client number in it."""

PLACES_SCHEMA = pa.schema(
    [
        pa.field("client_id", IDENTIFIER),
        pa.field("age_band", TEXT),  # years reached in the calendar year, as 30-39; null where the age is unknown
        pa.field("shown_district", TEXT),
        pa.field("shown_region", TEXT),
        pa.field("shown_latitude", NUMBER),  # of the shown district's town
        pa.field("shown_longitude", NUMBER),
    ]
)
"""What masked readers see of each client's age and home."""


def shown_places(statics: Mapping[str, pa.Table], night: date) -> pa.Table:
    """What masked readers see of each client's age and home on a night.

    The district is shown where at least `LEAST_CLIENTS` clients share it, the ten-year age band and the gender. Of the
    others, the region is shown where as many of them share it, band and gender: who reads a region without a district
    knows that the home is one of the districts that are not shown, so those who are shown with theirs do not count.
    Of those who share an account, all are shown or none: they mostly live together, so that one would tell of the
    other (of the real bank's 869 joint accounts all are of two from one district).

    Parameters
    ----------
    statics
        Static relations by name; `fin_client`, `fin_disposition` and `fin_district` may be absent or lack columns.
    night
        Settlement date; ages are those that are reached in its calendar year.

    Returns
    -------
    pyarrow.Table
        One row per client (`PLACES_SCHEMA`), ordered by `client_id`.
    """
    schemas = {name: RELATIONS[name].schema for name in ("fin_client", "fin_disposition", "fin_district")}
    tables = {name: conformed(statics.get(name, schema.empty_table()), schema) for name, schema in schemas.items()}
    points = district_points(tables["fin_district"])
    with SqlEngine.open("masking", {**tables, "district_points": points}) as engine:
        engine.put("households", _households(engine.table("joint_holders")))
        return engine.table("shown_places", night=night, least_clients=LEAST_CLIENTS).cast(PLACES_SCHEMA)


def _households(holders: pa.Table) -> pa.Table:
    """The household of each client who shares an account: the smallest client number among those who are joined so.

    Clients of one account are joined, and through a common client those of several accounts.
    """
    heads: dict[int, int] = {}
    firsts: dict[int, int] = {}
    for holder in holders.to_pylist():
        client = holder["client_id"]
        first = firsts.setdefault(holder["account_id"], client)
        head, joined = sorted((_head(heads, first), _head(heads, client)))
        heads[joined] = head
    clients = sorted(heads)
    return pa.table([clients, [_head(heads, client) for client in clients]], schema=HOUSEHOLDS_SCHEMA)


def _head(heads: dict[int, int], client: int) -> int:
    while (above := heads.setdefault(client, client)) != client:
        heads[client] = heads[above]  # halves the way, so that a long chain is walked once
        client = above
    return client
