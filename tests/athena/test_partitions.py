"""Each named query reads the nights that it is asked for, and no file of another night."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from pyiceberg.expressions import And, GreaterThanOrEqual, LessThanOrEqual
from sqlglot import exp
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
from sqlglot.optimizer.qualify import qualify

from include.athena.definitions import statements
from include.athena.named_query import NamedQuery, header_of, named_queries
from include.lake import Lake, Table
from include.lake.data_files import night_of
from tests.athena.athena_sql import DIALECT, Columns, given, parsed
from tests.athena.made_up_lake import NIGHTS
from tests.athena.scans import Bounds, scans

FIRST, LAST = NIGHTS["tue"], NIGHTS["thu"]
ASKED = Bounds(FIRST, LAST)
QUERIES = named_queries()


@pytest.fixture(scope="module")
def selects(tables: dict[str, Table]) -> dict[str, exp.Query]:
    """What each view selects."""
    defined = [parsed(each.sql) for each in statements("ads") if each.database]
    return {each.this.name: each.expression for each in defined}


def _asked(query: NamedQuery, first: date = FIRST, last: date = LAST) -> exp.Expr:
    """The query for two nights, and an account where it asks for one."""
    account = {"account_story": ["11"], "account_story_masked": ["'11-of-key-2'"]}.get(query.name, [])
    return given(parsed(query.sql), [*account, f"'{first}'", f"'{last}'"])


def _bounds(
    query: exp.Expr, selects: Mapping[str, exp.Query], schemas: dict[str, Columns], tables: dict[str, Table]
) -> list[tuple[str, Bounds]]:
    """Of every scan of a table that is partitioned: the table, and the bounds on its night."""
    nights = {name: table.night_column for name, table in tables.items() if table.night_column}
    found = scans(query, selects, schemas)
    return sorted({(name, bounds.get(nights[name], Bounds())) for name, bounds in found if name in nights}, key=str)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_the_nights_asked_for_bound_every_table_that_is_read(
    query: NamedQuery, selects: dict[str, exp.Query], schemas: dict[str, Columns], tables: dict[str, Table]
) -> None:
    found = _bounds(_asked(query), selects, schemas, tables)
    assert found == [(name, ASKED) for name, _ in found]
    assert ("night_manifest", ASKED) in found


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_its_header_names_the_tables_that_are_read(
    query: NamedQuery, selects: dict[str, exp.Query], schemas: dict[str, Columns], tables: dict[str, Table]
) -> None:
    said = header_of(query.sql)["Partitions"].replace(",", " ").split()
    read = {name for name, _ in _bounds(_asked(query), selects, schemas, tables)}
    assert {word for word in said if word in tables} == read


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_pyiceberg_plans_files_of_these_nights_and_no_others(
    query: NamedQuery, lake: Lake, selects: dict[str, exp.Query], schemas: dict[str, Columns], tables: dict[str, Table]
) -> None:
    for name, bounds in _bounds(_asked(query), selects, schemas, tables):
        night = tables[name].night_column
        within = And(GreaterThanOrEqual(night, bounds.first), LessThanOrEqual(night, bounds.last))
        table = lake._catalog.load(name)
        planned, every = (
            {night_of(task.file) for task in scan.plan_files()}
            for scan in (table.scan(row_filter=within), table.scan())
        )
        assert planned == {each for each in every if FIRST <= each <= LAST}
        assert planned < every


@pytest.mark.parametrize("name", ["findings_by_district", "false_alarms_by_reason", "money_offered_and_published"])
def test_sqlglot_pushes_the_bounds_to_the_scan_as_well(
    name: str, selects: dict[str, exp.Query], schemas: dict[str, Columns]
) -> None:
    (query,) = [query for query in QUERIES if query.name == name]
    whole = qualify(exp.expand(_asked(query), selects, dialect=DIALECT), schema=schemas, dialect=DIALECT)
    (scan,) = [
        each
        for each in pushdown_predicates(whole, dialect=DIALECT).find_all(exp.Select)
        if each.args["from_"].this.alias == "t"
    ]
    shown = scan.args["where"].sql(DIALECT)
    assert f'"t"."settlement_date" <= CAST(\'{LAST}\' AS DATE)' in shown
    assert f'"t"."settlement_date" >= CAST(\'{FIRST}\' AS DATE)' in shown


@pytest.mark.parametrize(
    "hidden",
    [
        "select count(*) as n from published_alerts where date_trunc('month', settlement_date) = date '1994-01-01'",
        "select count(*) as n from published_alerts where settlement_date >= date '1994-01-03' or rank = 1",
        "select max(settlement_date) as settlement_date from published_alerts",
        "with found as (select max(settlement_date) as settlement_date from published_alerts group by code) "
        "select settlement_date from found where settlement_date = date '1994-01-03'",
    ],
)
def test_a_query_that_reads_every_night_is_told_apart(
    hidden: str, selects: dict[str, exp.Query], schemas: dict[str, Columns], tables: dict[str, Table]
) -> None:
    found = _bounds(parsed(hidden), selects, schemas, tables)
    assert found == [("alerts", Bounds()), ("night_manifest", Bounds())]
