"""Given/expect cases of the SQL files: read from YAML, and their rows put into typed tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from include.settings import PROJECT_ROOT

CASES = Path(__file__).resolve().parent
SQL = PROJECT_ROOT / "include" / "sql"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One rule of one SQL file.

    Attributes
    ----------
    query
        The file, as `settlement/orders`.
    name
        The rule, in a sentence.
    given
        Rows of the tables the file reads, by table; those it does not name are empty.
    params
        Named parameters that are not the product's own.
    expect
        The rows the file gives, in the columns that matter here.
    """

    query: str
    name: str
    given: Mapping[str, list[Row]]
    params: Mapping[str, Any]
    expect: list[Row]


def read_cases(file: Path) -> list[Case]:
    """The cases of one file.

    What it says beside `cases` holds for all of them: `given` and `params` where a case has none of the name, `usual`
    for columns of a table's rows that name none.
    """
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    query = file.relative_to(CASES).with_suffix("").as_posix()
    return [_case(query, said, case) for case in said["cases"]]


def _case(query: str, said: Row, case: Row) -> Case:
    usual = said.get("usual", {})
    given = {**said.get("given", {}), **case.get("given", {})}
    filled = {name: [{**usual.get(name, {}), **row} for row in rows] for name, rows in given.items()}
    return Case(query, case["name"], filled, {**said.get("params", {}), **case.get("params", {})}, case["expect"])


def typed(rows: Iterable[Row], schema: pa.Schema) -> pa.Table:
    """Rows as a table of `schema`; columns left out are null, one the schema lacks is a mistake.

    Raises
    ------
    KeyError
        When a row names a column that the table does not have.
    """
    rows = list(rows)
    if unknown := {column for row in rows for column in row} - set(schema.names):
        raise KeyError(f"no column {', '.join(sorted(unknown))}; there are {', '.join(schema.names)}")
    columns = [pa.array([_value(row.get(field.name), field.type) for row in rows], field.type) for field in schema]
    return pa.table(columns, schema=schema)


def _value(value: Any, kind: pa.DataType) -> Any:
    """A YAML value as its column's type takes it: money is never a binary fraction, a time is written as text."""
    if value is not None and pa.types.is_decimal(kind):
        return Decimal(str(value))
    if value is not None and pa.types.is_time(kind):
        return time.fromisoformat(value)
    if value is not None and pa.types.is_floating(kind):
        return float(value)
    return value
