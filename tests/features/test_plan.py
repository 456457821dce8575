"""The order of the feature queries follows from the queries."""

from __future__ import annotations

import duckdb
import pytest

from include.features.plan import (
    FEATURES,
    GIVEN,
    JOINED_BY_NIGHT,
    READ_BESIDE,
    SQL_FOLDER,
    Step,
    feature_plan,
    needed,
    reads_of,
)
from include.features.state import STATE_SCHEMAS
from include.sql_engine import sql_names, sql_text

QUERIES = sql_names(SQL_FOLDER)


@pytest.fixture(scope="module")
def reads() -> dict[str, list[str]]:
    return reads_of({query: sql_text(SQL_FOLDER, query) for query in QUERIES})


def steps() -> list[Step]:
    return [*feature_plan().habits, *feature_plan().stretch]


def test_every_query_but_the_states_is_run_once() -> None:
    assert sorted([*(step.query for step in steps()), FEATURES, *STATE_SCHEMAS]) == QUERIES


def test_a_query_comes_after_all_it_reads(reads: dict[str, list[str]]) -> None:
    made = {GIVEN}
    for step in steps():
        assert made.issuperset(reads[step.query]), step.query
        made.add(step.query)
    assert made.issuperset(reads[FEATURES])


def test_what_is_dropped_is_read_no_more(reads: dict[str, list[str]]) -> None:
    dropped: set[str] = set()
    for step in steps():
        assert dropped.isdisjoint(reads[step.query]), step.query
        dropped.update(step.spent)
    assert dropped.isdisjoint({*reads[FEATURES], *READ_BESIDE})
    assert {GIVEN, "account_days", "kind_days"} <= dropped


def test_a_wide_table_is_dropped_before_the_next_is_made() -> None:
    made = [step.query for step in feature_plan().habits]
    (last_read,) = (step.query for step in feature_plan().habits if "account_days" in step.spent)
    assert made.index("kind_days") > made.index(last_read)


def test_each_table_that_is_joined_by_night_is_narrowed_once_and_not_read_by_habits_later(
    reads: dict[str, list[str]],
) -> None:
    narrowed: list[str] = []
    for step in feature_plan().habits:
        assert set(narrowed).isdisjoint(reads[step.query]), step.query
        narrowed += step.narrowed
    assert sorted(narrowed) == sorted(JOINED_BY_NIGHT)
    assert not any(step.narrowed for step in feature_plan().stretch)
    assert all(set(step.narrowed).isdisjoint(step.spent) for step in feature_plan().habits)


def test_what_every_stretch_reads_outlives_the_first(reads: dict[str, list[str]]) -> None:
    habits = {GIVEN, *(step.query for step in feature_plan().habits)}
    assert habits.isdisjoint(table for step in feature_plan().stretch for table in step.spent)


def test_what_reads_a_narrowed_table_later_is_bound_to_the_nights(reads: dict[str, list[str]]) -> None:
    later = [*(step.query for step in feature_plan().stretch), FEATURES]
    readers = {query for query in later if set(JOINED_BY_NIGHT) & set(reads[query])}
    assert {table for query in readers for table in reads[query]} >= set(JOINED_BY_NIGHT)
    assert all("between $first_night and $last_night" in sql_text(SQL_FOLDER, query) for query in readers)


def test_the_engines_own_parser_names_the_same_tables(reads: dict[str, list[str]]) -> None:
    named = (
        "select json_extract_string(tree, '$..table_name'), json_extract_string(tree, '$..cte_map.map[*].key') "
        "from (select json_serialize_sql($text) as tree)"
    )
    with duckdb.connect() as engine:
        for query in QUERIES:
            tables, own_parts = engine.execute(named, {"text": sql_text(SQL_FOLDER, query)}).fetchall()[0]
            others = {GIVEN, *QUERIES} - {*own_parts, *STATE_SCHEMAS, query}
            assert reads[query] == sorted(others.intersection(tables)), query


def test_a_query_that_nothing_needs_is_left_out() -> None:
    assert needed("b", {"a": [], "b": ["a"], "c": []}).keys() == {"a", "b"}
