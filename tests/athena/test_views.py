"""Every view is a statement that Athena takes, and shows the rows that readers see: no more, no fewer."""

from __future__ import annotations

import re

import duckdb
import pytest
from sqlglot import exp
from sqlglot.errors import OptimizeError

from include.athena.definitions import DATABASE, statement, statements, view_name
from include.athena.readable import KEY_VERSION, MANIFEST, PSEUDONYM_KEYS, is_masked
from include.errors import SettingsError
from include.lake import Table
from tests.athena.athena_sql import Columns, MistypedError, parsed, typed
from tests.athena.made_up_lake import CURRENT, NIGHTS, PUBLISHED, run_key


def test_there_is_a_view_of_every_table_and_the_database_comes_first(tables: dict[str, Table]) -> None:
    named = [each.name for each in statements("ads")]
    assert named == [DATABASE, *map(view_name, tables)]


def test_the_database_is_made_once_and_runs_in_none(tables: dict[str, Table]) -> None:
    made = statement(DATABASE, "ads_trial")
    assert made.sql == "create database if not exists ads_trial"
    assert made.database == ""
    assert parsed(made.sql).args["kind"] == "DATABASE"


def test_a_name_of_no_statement_is_refused(tables: dict[str, Table]) -> None:
    with pytest.raises(SettingsError, match="no statement is called 'published_nothing'"):
        statement("published_nothing", "ads")


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        (
            "published_night_manifest",
            r'create or replace view published_night_manifest as\nselect\n    t."settlement_date",\n.*'
            r'    cast\(t."started_at" as timestamp\(6\)\) as "started_at",\n.*\nfrom night_manifest as t',
        ),
        (
            "published_quarantine",
            r'create or replace view published_quarantine as\nselect\n    t."night",\n.*\nfrom quarantine as t\n'
            r"inner join night_manifest as m\n    on\n        t.night = m.settlement_date\n"
            r"        and t.run_key = m.run_key",
        ),
        (
            "published_fin_client_masked",
            r'create or replace view published_fin_client_masked as\nselect\n    t."client_id",\n.*\n'
            r"from fin_client_masked as t\ninner join pseudonym_keys as k\n    on t.key_version = k.current_version",
        ),
        (
            "published_fin_transaction_masked",
            r'create or replace view published_fin_transaction_masked as\nselect\n    t."trans_id",\n.*'
            r'    substr\(cast\(t."trans_time" as varchar\), 1, 8\) as "trans_time",\n.*\n'
            r"from fin_transaction_masked as t\ninner join night_manifest as m\n    on\n"
            r"        t.settlement_date = m.settlement_date\n        and t.run_key = m.run_key\n"
            r"inner join pseudonym_keys as k\n    on t.key_version = k.current_version",
        ),
    ],
)
def test_one_of_each_template_reads_as_it_does(tables: dict[str, Table], view: str, shown: str) -> None:
    assert re.fullmatch(shown, statement(view, "ads").sql, re.DOTALL)


def test_every_statement_is_one_that_athena_takes_and_keeps_every_column(
    tables: dict[str, Table], schemas: dict[str, Columns], views: dict[str, Columns]
) -> None:
    for name, columns in schemas.items():
        sql = statement(view_name(name), "ads").sql
        made = parsed(sql)
        assert isinstance(made, exp.Create), sql
        assert sql.isascii(), sql
        assert "${" not in sql, sql
        assert list(views[view_name(name)]) == list(columns), sql
        assert {table.name for table in made.expression.find_all(exp.Table)} <= {name, MANIFEST, PSEUDONYM_KEYS}, sql


def test_views_have_the_types_of_their_tables_but_for_times(
    schemas: dict[str, Columns], views: dict[str, Columns]
) -> None:
    shown_as = {"time(6)": "varchar", "timestamp(6) with time zone": "timestamp(6)"}
    for name, columns in schemas.items():
        assert views[view_name(name)] == {column: shown_as.get(kind, kind) for column, kind in columns.items()}, name


def test_a_reader_sees_the_rows_of_the_runs_that_the_manifest_names(
    athena: duckdb.DuckDBPyConnection, tables: dict[str, Table]
) -> None:
    published = {(NIGHTS[night], run_key(night, run)) for night, run in PUBLISHED.items()}
    for name, table in tables.items():
        if table.night_column:
            rows = athena.table(view_name(name)).project(f"{table.night_column}, run_key").fetchall()
            assert set(rows) == published, name


def test_what_is_not_published_lies_in_the_tables_all_the_same(
    athena: duckdb.DuckDBPyConnection, tables: dict[str, Table]
) -> None:
    others = {(NIGHTS["tue"], "tue-c"), (NIGHTS["wed"], "wed-a")}
    for name, table in tables.items():
        if table.night_column and name != MANIFEST:
            rows = athena.table(name).project(f"{table.night_column}, run_key").fetchall()
            assert others <= set(rows), name


def test_a_masked_reader_sees_the_pseudonyms_of_the_current_key_alone(
    athena: duckdb.DuckDBPyConnection, tables: dict[str, Table]
) -> None:
    masked = [table for table in tables.values() if is_masked(table)]
    assert len(masked) > 5
    for table in masked:
        stored, shown = (
            set(athena.table(name).project(KEY_VERSION).fetchall()) for name in (table.name, view_name(table.name))
        )
        assert (stored, shown) == ({(1,), (2,)}, {(CURRENT,)}), table.name


def test_no_row_is_shown_twice(athena: duckdb.DuckDBPyConnection, tables: dict[str, Table]) -> None:
    for name, table in tables.items():
        if not is_masked(table) and not table.night_column:
            assert len(athena.table(view_name(name))) == len(athena.table(name)), name
    assert len(athena.table("published_mart_findings")) == len(athena.table("published_mart_findings_masked")) == 8


def test_a_moment_is_shown_as_that_of_utc_and_a_time_of_day_as_text(tables: dict[str, Table]) -> None:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        shown = connection.sql(
            parsed(
                "select cast(from_iso8601_timestamp('1994-01-31T23:30:00+01:00') as timestamp(6)) as moment, "
                "substr(cast(time '08:05:09.000000' as varchar), 1, 8) as clock"
            ).sql("duckdb")
        ).fetchall()
    assert [(str(moment), clock) for moment, clock in shown] == [("1994-01-31 22:30:00", "08:05:09")]


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("select t.no_such_column from alerts as t", OptimizeError),
        ("select t.rank from no_such_table as t", MistypedError),
        ("select t.rank from alerts as t inner join night_manifest as m on t.account_id = m.run_key", MistypedError),
        ("select t.rank from alerts as t where t.settlement_date = '1994-01-31'", MistypedError),
        ("select sum(t.text) as total from alerts as t", MistypedError),
        ("select t.rank + t.text as total from alerts as t", MistypedError),
        ("select account_id as who from alerts union all select text as who from alerts", MistypedError),
        ("select no_such_function(t.rank) as one from alerts as t", MistypedError),
    ],
)
def test_a_wrong_column_or_type_is_found(schemas: dict[str, Columns], query: str, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        typed(parsed(query), schemas)
