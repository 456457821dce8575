"""The named queries give the answers that the made-up lake has, computed by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from include.athena.named_query import NamedQuery, header_of, named_queries
from tests.athena.athena_sql import Columns, MistypedError, given, output_of, parsed, run, typed
from tests.athena.made_up_lake import NIGHTS

QUERIES = {query.name: query for query in named_queries()}
WEEK = (str(NIGHTS["mon"]), "1994-01-09")
HEADINGS = ["Question", "Readers", "Parameters", "Grain", "Partitions"]


def _answer(
    athena: duckdb.DuckDBPyConnection, views: dict[str, Columns], name: str, *given_as: str
) -> list[dict[str, Any]]:
    query = typed(given(parsed(QUERIES[name].sql), given_as), views)
    return run(athena, query).to_pylist()


def _nights(first: str, last: str) -> list[str]:
    return [f"'{first}'", f"'{last}'"]


def test_findings_of_the_week_by_district(athena: duckdb.DuckDBPyConnection, views: dict[str, Columns]) -> None:
    found = _answer(athena, views, "findings_by_district", *_nights(*WEEK))
    columns = (
        "shown_region",
        "shown_district",
        "findings",
        "breaks",
        "flagged",
        "waiting",
        "account_count",
        "money_at_stake",
        "highest_score",
    )
    assert [tuple(row[column] for column in columns) for row in found] == [
        ("Prague", "Hl.m. Praha", 4, 1, 3, 1, 2, Decimal("1100.75"), 0.8),
        ("south Bohemia", None, 2, 1, 1, 0, 1, Decimal("25.00"), 0.65),
        (None, None, 1, 0, 0, 1, 0, None, None),
    ]


def test_an_accounts_story(athena: duckdb.DuckDBPyConnection, views: dict[str, Columns]) -> None:
    found = _answer(athena, views, "account_story", "11", *_nights(*WEEK))
    columns = ("settlement_date", "trans_id", "entry", "amount", "balance", "code", "score", "words", "review_state")
    mon, tue, thu = (NIGHTS[night] for night in ("mon", "tue", "thu"))
    assert [tuple(row[column] for column in columns) for row in found] == [
        (mon, 101, "posting", Decimal("40.00"), Decimal("60.00"), "fee", None, None, None),
        (mon, 101, "break", Decimal("-40.00"), None, "balance_chain", None, "balance_chain on mon", "open"),
        (tue, 111, "posting", Decimal("25.00"), Decimal("85.00"), None, None, "payee 7", None),
        (thu, 131, "posting", Decimal("60.25"), Decimal("24.75"), None, None, None, None),
        (thu, 131, "score", Decimal("60.25"), None, "timing", 0.6, "timing on thu", "unsure"),
    ]


def test_a_masked_accounts_story_is_that_of_one_pseudonym(
    athena: duckdb.DuckDBPyConnection, views: dict[str, Columns]
) -> None:
    full = _answer(athena, views, "account_story", "11", *_nights(*WEEK))
    masked = _answer(athena, views, "account_story_masked", "'11-of-key-2'", *_nights(*WEEK))
    assert [row["trans_id"] for row in masked] == [f"{row['trans_id']}-of-key-2" for row in full]
    assert [{**row, "trans_id": 0} for row in masked] == [{**row, "trans_id": 0} for row in full]
    assert _answer(athena, views, "account_story_masked", "'11-of-key-1'", *_nights(*WEEK)) == []


def test_false_alarms_by_reason(athena: duckdb.DuckDBPyConnection, views: dict[str, Columns]) -> None:
    found = _answer(athena, views, "false_alarms_by_reason", *_nights(*WEEK))
    assert [tuple(row.values()) for row in found] == [
        ("score", "amount", "amount_rarity", 3, 2, 1, 0, pytest.approx(2 / 3)),
        ("break", "fee_amount", None, 1, 1, 0, 0, 1.0),
    ]


def test_nights_that_did_not_close(athena: duckdb.DuckDBPyConnection, views: dict[str, Columns]) -> None:
    found = _answer(athena, views, "nights_not_closed", *_nights("1994-01-02", "1994-01-06"))
    assert [tuple(row.values()) for row in found] == [
        (NIGHTS["mon"].replace(day=2), "not published", 0, Decimal("0.00")),
        (NIGHTS["tue"], "not accounted for", 1, Decimal("7.50")),
        (NIGHTS["wed"], "not published", 0, Decimal("0.00")),
    ]


def test_money_offered_and_published(athena: duckdb.DuckDBPyConnection, views: dict[str, Columns]) -> None:
    found = _answer(athena, views, "money_offered_and_published", *_nights("1994-01-04", "1994-01-08"))
    columns = (
        "settlement_date",
        "offered_rows",
        "published_rows",
        "unreadable_rows",
        "offered_money",
        "published_money",
    )
    assert [tuple(row[column] for column in columns) for row in found] == [
        (NIGHTS["tue"], 5, 4, 0, Decimal("50.00"), Decimal("42.50")),
        (NIGHTS["thu"], 3, 2, 1, Decimal("30.00"), Decimal("30.00")),
    ]


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.name)
def test_a_named_query_is_typed_and_within_what_athena_keeps(query: NamedQuery, views: dict[str, Columns]) -> None:
    columns = output_of(typed(parsed(query.sql), views))
    assert len(columns) > 3
    assert query.sql.isascii()
    # The limits of CreateNamedQuery.
    assert len(query.name) <= 128
    assert len(query.description) <= 1024
    assert len(query.sql.encode()) <= 262_144


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.name)
def test_its_header_says_what_a_reader_needs_and_takes_no_parameter(query: NamedQuery) -> None:
    header = header_of(query.sql)
    assert list(header) == HEADINGS
    comments = "\n".join(line for line in query.sql.splitlines() if "--" in line)
    assert "?" not in comments


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.name)
def test_it_reads_the_views_of_its_readers_alone(query: NamedQuery, views: dict[str, Columns]) -> None:
    read = {name for name in views if f"from {name}\n" in query.sql or f"join {name}\n" in query.sql}
    assert read
    is_masked = header_of(query.sql)["Readers"] == "masked"
    assert header_of(query.sql)["Readers"] in ("masked", "full")
    assert all(name.endswith("_masked") == is_masked for name in read)


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("select a from t where a = ?", []),
        ("select a from t where a = ?", ["1", "2"]),
        ("select a + ? as b from t", ["1"]),
    ],
)
def test_a_parameter_too_many_or_outside_of_a_where_is_found(sql: str, parameters: list[str]) -> None:
    with pytest.raises(MistypedError):
        given(parsed(sql), parameters)
