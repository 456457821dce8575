"""One value that nobody can read costs its own record, is told by its code and never quoted; none eats the memory."""

from __future__ import annotations

import resource
import sqlite3
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from include.errors import SourceError
from include.relations import FIN_TRANSACTION
from include.sources import open_source
from tests.sources.small_databases import make_bank, new_schema, run

LATER = date(2100, 1, 1)
SECOND = date(2013, 1, 2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The small bank in SQLite."""
    make_bank(f"sqlite:///{tmp_path / 'bank.db'}")
    return tmp_path / "bank.db"


def put(file: Path, column: str, content: bytes, key: int = 2) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute(
            f"update fin_transaction set {column} = cast(? as text) where trans_id = ?",  # noqa: S608
            (content, key),
        )


@pytest.mark.parametrize("content", ["Josef Novák".encode("cp1250"), b"\xff\xfe", b"ab\x80", "č".encode("utf-16")])
@pytest.mark.parametrize("column", ["other_bank_id", "amount", "balance", "category", "account_id"])
def test_a_value_that_is_no_text_costs_its_record_alone(file, column, content):
    put(file, column, content)
    with open_source(f"sqlite:///{file}") as source:
        rows = {row["trans_id"]: row for row in source.history(LATER).rows.to_pylist()}
        totals = source.totals(LATER)
        source.rounding_cents  # noqa: B018 - it reads every amount
    assert len(rows) == sum(totals["row_count"].to_pylist()) == 4
    assert rows[2]["reader_codes"].split(",")[-1] == "wrong_encoding"
    assert "\\\\x" in rows[2]["raw"]
    assert [rows[key]["reader_codes"] for key in (1, 3, 4)] == [None] * 3


def test_a_date_that_is_no_text_counts_on_the_night_of_the_record_before(file):
    put(file, "trans_date", b"2013-01-0\xff")
    with open_source(f"sqlite:///{file}") as source:
        rows = {row["trans_id"]: row for row in source.history(LATER).rows.to_pylist()}
    assert rows[2]["night"] == date(2013, 1, 1)
    assert rows[2]["reader_codes"].split(",")[-1] == "wrong_encoding"


def test_an_undecodable_client_costs_the_client(file):
    with sqlite3.connect(file) as connection:
        connection.execute("update fin_client set gender = cast(x'ff' as text) where client_id = 1")
    with open_source(f"sqlite:///{file}") as source:
        codes = source.static("fin_client").rows["reader_codes"].to_pylist()
    assert codes.count(None) == len(codes) - 1


def test_the_digest_tells_two_undecodable_values_apart(file):
    digests = []
    for content in (b"\xff", b"\xfe"):
        put(file, "other_bank_id", content)
        with open_source(f"sqlite:///{file}") as source:
            digests.append(source.totals(LATER)["digest"].to_pylist())
    assert digests[0] != digests[1]


@pytest.mark.parametrize("kind", ["text", "blob"])
def test_a_value_of_hundreds_of_megabytes_is_named_and_takes_no_memory(file, kind):
    with sqlite3.connect(file) as connection:
        connection.execute(
            f"update fin_transaction set other_bank_id = cast(zeroblob(300000000) as {kind}) where trans_id = 2"  # noqa: S608
        )
    connection.close()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    failed = pytest.raises(SourceError, match="holds a value of more than 16 MiB, which no bank's record has")
    with failed as refused, open_source(f"sqlite:///{file}") as source:
        source.night(SECOND)
    assert "try again" not in str(refused.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


TYPES = ["interval", "integer[]", "json", "bytea"]


@pytest.mark.parametrize("column", ["trans_id", "amount", "trans_type", "other_bank_id"])
@pytest.mark.parametrize("kind", TYPES)
def test_a_type_that_no_bank_has_is_read_or_refused_with_a_sentence(postgres_server, kind, column):
    uri = make_bank(new_schema(postgres_server.create_database("odd_types")))
    run(uri, f"alter table fin_transaction alter {column} type {kind} using null")
    with open_source(uri) as source:
        try:
            rows = source.history(LATER).rows
            source.totals(LATER)
            source.rounding_cents  # noqa: B018 - it reads every amount
        except SourceError as error:
            assert "try again" not in str(error)
        else:
            assert rows.num_rows == 4


@pytest.mark.parametrize("kind", ["interval", "json", "integer[]", "bytea", "boolean"])
def test_a_date_column_of_another_type_is_refused_with_a_sentence(postgres_server, kind):
    uri = make_bank(new_schema(postgres_server.create_database("odd_types")))
    value = {"interval": "'200000 years'::interval", "json": "'[1]'::json", "integer[]": "array[1]"}.get(kind, "null")
    run(uri, f"alter table fin_transaction alter trans_date type {kind} using {value}")
    with open_source(uri) as source, pytest.raises(SourceError) as refused:
        source.night(SECOND)
    assert "try again" not in str(refused.value)


def test_a_value_that_a_view_cannot_cast_is_not_quoted(postgres_server):
    uri = make_bank(new_schema(postgres_server.create_database("odd_types")), table="kept")
    others = ", ".join(c.name for c in FIN_TRANSACTION.source_columns if not c.optional and c.name != "amount")
    run(uri, "alter table kept alter amount type text", "update kept set amount = 'Josef K.' where trans_id = 2")
    run(uri, f"create view fin_transaction as select {others}, amount::numeric(12,2) as amount from kept")  # noqa: S608
    with open_source(uri) as source, pytest.raises(SourceError, match="invalid input syntax") as refused:
        source.night(SECOND)
    assert "Josef" not in str(refused.value)
    assert isinstance(refused.value.__cause__, type(None))
    assert not isinstance(refused.value, sa.exc.SQLAlchemyError)
