"""Columns of moments in a database: their days are counted in the zone that the source declared, or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection

from include.sources.database.relation_tables import BankTable
from include.sources.zones import refuse_moments


def is_zoned(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether a column's values are moments, whose day is another in another zone."""
    # MySQL keeps a TIMESTAMP in UTC and shows it in the session's zone; its DATETIME is as it was written.
    return isinstance(kind, mysql.TIMESTAMP) or (isinstance(kind, sa.DateTime) and kind.timezone)


def count_days_in(zone: ZoneInfo | None, tables: Iterable[BankTable], connection: Connection) -> None:
    """Let the session show moments in a zone, whatever the server, the user or the environment prefers.

    Raises
    ------
    SourceError
        When a column of days or times holds moments and no zone is declared.
    """
    if zone is None:
        for table in tables:
            _require_no_moments(table)
    elif connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.set_config("TimeZone", zone.key, True)))
    elif connection.dialect.name == "mysql":
        connection.execute(sa.text("set time_zone = :zone"), {"zone": zone.key})


def _require_no_moments(table: BankTable) -> None:
    for name, own_name in table.columns.items():
        kind = table.column(name).type
        if table.relation.column(name).kind in ("date", "time") and is_zoned(kind):
            refuse_moments(f"{table.uri} ({table.relation.name})", own_name, f"of the type {kind}")
