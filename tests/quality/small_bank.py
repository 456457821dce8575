"""A small bank as extracts, whose rows a test bends one value at a time."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from include.relations import RELATIONS, Column
from include.sources.base import LINEAGE, UNREADABLE, Extract

NIGHT = date(1994, 1, 31)
_ORDINARY: dict[str, Any] = {
    "identifier": 7,
    "account": 7,
    "date": NIGHT,
    "money": Decimal("100.00"),
    "text": "AB",
    "number": 12.0,
    "time": time(9, 30),
}


def _value(column: Column) -> Any:
    return next(iter(column.codes)) if column.kind == "code" else _ORDINARY[column.kind]


def row(name: str, key: int, **values: Any) -> dict[str, Any]:
    """One row of `name` with an ordinary value in every column but those given."""
    relation = RELATIONS[name]
    ordinary = {column.name: _value(column) for column in relation.columns} | {relation.key: key}
    if name == "fin_transaction":
        ordinary |= {"category": None, "operation": "CIC", "night": NIGHT}
    lineage = {"source_uri": f"file:/bank/{relation.pkdd}", "source_line": key + 1, "raw": f"raw {key}"}
    return {**ordinary, **lineage, **values}


def extract(
    name: str, rows: list[dict[str, Any]], unreadable: list[dict[str, Any]] | None = None, **more: Any
) -> Extract:
    """An extract of `name` holding `rows`."""
    relation = RELATIONS[name]
    schema = pa.schema([*relation.schema, *LINEAGE])
    return Extract(
        relation, pa.Table.from_pylist(rows, schema), pa.Table.from_pylist(unreadable or [], UNREADABLE), **more
    )


def torn(line: int, code: str = "torn_record", night: date = NIGHT) -> dict[str, Any]:
    """A record that could not be split."""
    return {
        "source_uri": "file:/bank/trans.asc",
        "source_line": line,
        "raw": '1;2;"torn',
        "reason_codes": code,
        "night": night,
    }


def bank(**replaced: Extract | None) -> dict[str, Extract | None]:
    """Three rows of every relation, but for the relations given."""
    return {name: extract(name, [row(name, key) for key in (1, 2, 3)]) for name in RELATIONS} | replaced


def night(*rows: dict[str, Any], unreadable: list[dict[str, Any]] | None = None) -> dict[str, Extract | None]:
    """The bank with these transactions."""
    return bank(fin_transaction=extract("fin_transaction", list(rows), unreadable))
