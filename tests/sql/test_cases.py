"""Every SQL file gives what its cases say, on the engine its room prepares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from tests.sql.cases import CASES, SQL, Case, Row, read_cases, typed
from tests.sql.engines import ROOMS

ALL_CASES = [case for file in sorted(CASES.rglob("*.yaml")) for case in read_cases(file)]

WITHOUT_CASES: dict[str, str] = {
    f"athena/{file.relative_to(SQL / 'athena').with_suffix('').as_posix()}": "tests/athena runs it over a lake"
    for file in (SQL / "athena").rglob("*.sql")
}
"""SQL files without cases, and why."""

# Features are rounded to a millionth; what is not is told apart by less.
_DIGITS = 6


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: f"{case.query}: {case.name}")
def test_case(case: Case) -> None:
    found, expected = _shown(_rows(case), case.expect), _shown(case.expect, case.expect)
    if not _is_ordered(case.query):
        found, expected = sorted(found, key=repr), sorted(expected, key=repr)
    assert found == expected


def test_every_sql_file_has_a_case() -> None:
    files = {file.relative_to(SQL).with_suffix("").as_posix() for file in SQL.rglob("*.sql")}
    assert files - {case.query for case in ALL_CASES} == WITHOUT_CASES.keys()


def test_no_two_cases_have_one_name() -> None:
    names = [(case.query, case.name) for case in ALL_CASES]
    assert len(names) == len(set(names))


def _rows(case: Case) -> list[dict[str, Any]]:
    """What the query gives, over the tables given and empty ones for the others."""
    folder, query = case.query.split("/")
    room = ROOMS[folder]
    schemas = room.schemas()
    given = {name: typed(rows, _schema(schemas, name)) for name, rows in case.given.items()}
    tables = {name: schema.empty_table() for name, schema in schemas.items()} | given
    return room.run(query, tables, {**room.params(query), **case.params}).to_pylist()


def _schema(schemas: dict[str, pa.Schema], table: str) -> pa.Schema:
    assert table in schemas, f"no table {table}; there are {', '.join(schemas)}"
    return schemas[table]


def _is_ordered(query: str) -> bool:
    """Whether the query itself orders its rows; what a part or a window orders stands indented."""
    return re.search("^order by ", (SQL / f"{query}.sql").read_text(encoding="utf-8"), re.MULTILINE) is not None


def _shown(rows: Iterable[Row], expected: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows in the columns that are expected of any, in values that can be compared; all of them where none is."""
    columns = list(dict.fromkeys(column for row in expected for column in row))
    return [{name: _plain(row[name]) for name in columns or row} for row in rows]


def _plain(value: Any) -> Any:
    """Money and numbers alike as rounded floats, lists and entries of lists by the same rule."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, bool) or value is None or not hasattr(value, "__float__"):
        return value
    return round(float(value), _DIGITS)
