"""A database as a source, on a real PostgreSQL: the real bank, lax columns, rows without a date, cheap nights."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from include.errors import SettingsError, SourceError
from include.relations import RELATIONS
from include.sources import Extract, open_source
from include.sources.address import parse_address
from include.sources.base import LINEAGE, TOTALS
from include.sources.database.load import load_bank
from include.sources.database.source import DatabaseSource, open_database
from local.postgres import LocalPostgres
from tests.sources.small_banks import TRANSACTIONS
from tests.sources.small_databases import changed, make_bank, new_schema, run

LATER = date(2100, 1, 1)
NIGHT = date(2014, 1, 31)
SECOND = date(2013, 1, 2)


@pytest.fixture(scope="module")
def bank(postgres_server: LocalPostgres, teradata: Path) -> str:
    """The real bank in a database of its own."""
    uri = postgres_server.create_database("real_bank")
    load_bank(teradata, uri)
    return uri


@pytest.fixture
def empty(postgres_server: LocalPostgres) -> str:
    """An empty schema for one test, as an address."""
    return new_schema(postgres_server.create_database("small_banks"))


@pytest.fixture
def opened() -> Iterator[Callable[[str], DatabaseSource]]:
    """Opens databases, each as one snapshot, until the test ends."""
    sources: list[DatabaseSource] = []

    def enter(uri: str) -> DatabaseSource:
        address = parse_address(uri)
        sources.append(open_database(*address).__enter__())
        return sources[-1]

    yield enter
    for source in sources:
        source.__exit__(None, None, None)


def by_key(extract: Extract) -> dict[int, dict[str, object]]:
    return {row[extract.relation.key]: row for row in extract.rows.to_pylist()}


def codes(extract: Extract) -> dict[int, str]:
    return {key: row["reader_codes"] for key, row in by_key(extract).items() if row["reader_codes"]}


# The real bank.


def test_every_relation_comes_out_of_the_database_as_out_of_the_files(bank, opened, teradata):
    source = opened(bank)
    with open_source(str(teradata)) as files:
        for name, relation in RELATIONS.items():
            extracts = [s.static(name) if name != "fin_transaction" else s.history(LATER) for s in (source, files)]
            typed = [e.rows.select(relation.schema.names).sort_by(relation.key) for e in extracts]
            assert typed[0].equals(typed[1]), name
            assert extracts[0].rows.schema.equals(extracts[1].rows.schema)
            assert extracts[0].absent_columns == extracts[1].absent_columns


def test_a_night_a_history_totals_and_span_agree_with_the_files(bank, opened, teradata):
    source = opened(bank)
    with open_source(str(teradata)) as files:
        assert source.span() == files.span()
        assert source.night(NIGHT).offered == files.night(NIGHT).offered
        assert set(source.night(NIGHT).rows["night"].to_pylist()) == {NIGHT}
        since = date(2013, 12, 1)
        assert source.history(NIGHT, since).offered == files.history(NIGHT, since).offered
        found, expected = source.totals(NIGHT), files.totals(NIGHT)
    assert found.schema.equals(TOTALS)
    assert found.drop_columns("digest").equals(expected.drop_columns("digest"))


def test_a_night_without_transactions_is_an_empty_extract(bank, opened):
    empty = opened(bank).night(date(2050, 1, 1))
    assert empty.offered == 0
    assert empty.rows.schema.names == [*RELATIONS["fin_transaction"].schema.names, *LINEAGE.names]


def test_a_row_says_where_it_comes_from_without_who_read_it(bank, opened):
    row = opened(bank).night(NIGHT).rows.slice(0, 1).to_pylist()[0]
    assert row["source_uri"] == "postgresql:///real_bank/fin_transaction"
    assert row["source_line"] is None
    assert row["raw"].startswith('{"trans_id":"638","account_id":"2","trans_date":"2014-01-31","amount":"1.46",')


def test_a_night_is_read_through_the_index_by_date(bank, opened):
    reading = opened(bank)._open
    condition = reading.nights.within(NIGHT, NIGHT)
    query = sa.select(sa.func.count()).select_from(reading._postings.table).where(condition)
    text = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    plan = "\n".join(row[0] for row in reading.connection.exec_driver_sql(f"explain {text}"))
    assert "fin_transaction_by_night" in plan
    undated = sa.select(sa.func.count()).select_from(reading._postings.table).where(reading.nights.undated)
    text = undated.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    plan = "\n".join(row[0] for row in reading.connection.exec_driver_sql(f"explain {text}"))
    assert "fin_transaction_by_night" in plan
    assert "Seq Scan" not in plan


def test_the_rounding_of_the_address_is_kept(bank, opened):
    assert opened(bank).rounding_cents == 1
    assert open_source(bank + "&rounding=0.1").rounding_cents == 10


# The last money digit, where the address declares no rounding.

AMOUNT, BALANCE = 3, 4


@pytest.fixture(params=["postgresql", "sqlite"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that is tested, as an address."""
    sqlite = f"sqlite:///{tmp_path / 'bank.db'}"
    return sqlite if request.param == "sqlite" else str(request.getfixturevalue("empty"))


@pytest.mark.parametrize("kind", ["numeric(12,2)", "numeric", "double precision", "text"])
def test_rounding_nobody_declares_is_one_unit_of_the_last_money_digit(either, kind):
    types = {"amount": kind, "balance": kind}
    make_bank(either, types, changed((0, BALANCE, "9999999999.90"), (1, AMOUNT, "-0.10"), (2, AMOUNT, None)))
    source = open_source(either)
    with source:
        assert source.rounding_cents == 10
    joint = "&" if "?" in either else "?"
    with open_source(f"{either}{joint}rounding=0.01") as declared:
        assert declared.rounding_cents == 1
    for column in ("balance", "amount"):
        run(either, f"update fin_transaction set {column} = '-0.29' where trans_id = 4")  # noqa: S608
        with source:
            assert source.rounding_cents == 1
        run(either, f"update fin_transaction set {column} = '0.3' where trans_id = 4")  # noqa: S608
    run(either, "delete from fin_transaction")
    with source:
        assert source.rounding_cents == 1


def test_integers_are_whole_units(either, opened):
    rows = [[*row[:AMOUNT], "2000000000", "-7", *row[BALANCE + 1 :]] for row in changed()]
    assert opened(make_bank(either, {"amount": "integer", "balance": "bigint"}, rows)).rounding_cents == 100


@pytest.mark.parametrize("value", ["NaN", "Infinity", "much", "14.605", "12345678901.55", None])
def test_values_that_are_no_money_say_nothing_of_the_last_digit(either, opened, value):
    rows = changed((2, AMOUNT, value))
    assert opened(make_bank(either, {"amount": "text", "balance": "text"}, rows)).rounding_cents == 10


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("numeric(12,2)", "NaN"),
        ("numeric", "NaN"),
        ("numeric", "14.605"),
        ("numeric", "Infinity"),
        ("double precision", "-Infinity"),
        ("double precision", "12345678901.55"),
    ],
)
def test_typed_values_that_are_no_money_say_nothing_either(empty, opened, kind, value):
    assert opened(make_bank(empty, {"amount": kind}, changed((2, AMOUNT, value)))).rounding_cents == 10


# Names.


def test_short_table_names_other_letter_case_and_views_will_do(empty, opened):
    make_bank(empty, table="raw_postings")
    names = ", ".join(f'{column} as "{column.upper()}"' for column in ("trans_id", "account_id", "amount"))
    rest = "trans_date, balance, trans_type, operation, category, other_bank_id, other_account_id, 7 as branch"
    view = f"create view fin_trans as select {names}, {rest} from raw_postings"  # noqa: S608
    run(empty, "alter table fin_disposition rename to fin_disp", view)
    source = opened(empty)
    assert source.static("fin_disposition").offered == 2
    history = source.history(LATER)
    assert history.offered == 4
    assert "ignored: 'branch'" in history.notes[0]
    assert history.rows["raw"][0].as_py().startswith('{"TRANS_ID":"1"')


def test_optional_relations_and_columns_may_be_absent(empty, opened):
    source = opened(make_bank(empty))
    assert source.static("fin_loan") is None
    assert source.history(LATER).absent_columns == {"trans_time", "district_id"}


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("drop table fin_client", ["lacks the required tables fin_client", "Found fin_account", "Create views"]),
        ("alter table fin_client rename to fin_clients", ["Did you mean 'fin_clients' for fin_client?"]),
        (
            "alter table fin_transaction rename amount to amounts",
            ["/fin_transaction (fin_transaction) lacks the columns amount", "Did you mean 'amounts' for amount?"],
        ),
        ("create table fin_trans (trans_id int)", ["fin_transaction more than once", "fin_trans, fin_transaction"]),
        ('alter table fin_client add "Gender" text', ["names gender twice"]),
    ],
)
def test_what_is_missing_is_named_with_what_to_do(empty, statement, words):
    make_bank(empty)
    run(empty, statement)
    with pytest.raises(SourceError) as raised, open_database(empty):
        pass
    for word in words:
        assert word in str(raised.value)


def test_another_schema_is_chosen_by_the_address(empty):
    make_bank(empty)
    elsewhere = empty.partition("&options")[0]
    with pytest.raises(SourceError, match=r"no tables at all.*csearch_path"), open_database(elsewhere):
        pass
    with open_database(empty) as source:
        assert source.history(LATER).offered == 4
        assert source.uri == "postgresql:///small_banks"


# Columns of any type.


@pytest.mark.parametrize(
    "types",
    [
        {"amount": "double precision", "balance": "real"},
        {"amount": "text", "trans_date": "text", "trans_id": "text"},
        {"amount": "numeric", "trans_date": "timestamp", "trans_id": "integer"},
        {"amount": "money_text", "trans_date": "char(12)", "trans_id": "numeric"},
        {"trans_date": "timestamptz"},
    ],
)
def test_lax_types_are_read_as_the_strict_ones(empty, opened, types):
    run(empty, "create domain money_text as varchar(20)")
    source = opened(f"{make_bank(empty, types)}&zone=UTC")
    rows = source.history(LATER).rows
    assert rows["reader_codes"].null_count == 4
    assert rows["amount"].to_pylist() == [Decimal(row[3]).quantize(Decimal("0.01")) for row in TRANSACTIONS]
    assert [str(day) for day in rows["trans_date"].to_pylist()] == [row[2] for row in TRANSACTIONS]
    assert source.night(SECOND).offered == 2
    assert source.totals(LATER).drop_columns("digest").to_pydict() == {
        "settlement_date": [date(2013, 1, 1), SECOND, date(2013, 1, 3)],
        "row_count": [1, 2, 1],
        "amount_cents": [70000, 91460, 10050],
    }


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("numeric", "1.005", "amount_three_decimals"),
        ("numeric", "NaN", "amount_missing"),
        ("numeric", "Infinity", "amount_infinite"),
        ("numeric", "-Infinity", "amount_infinite"),
        ("numeric(12,2)", "NaN", "amount_missing"),
        ("numeric", "99999999999", "amount_too_large"),
        ("numeric(20,2)", "99999999999", "amount_too_large"),
        ("double precision", "1.005", "amount_three_decimals"),
        ("double precision", "Infinity", "amount_infinite"),
        ("double precision", "NaN", "amount_missing"),
        ("text", "a lot", "amount_not_a_number"),
        ("text", "?", "amount_missing"),
        ("numeric(12,2)", None, "amount_missing"),
    ],
)
def test_an_amount_that_is_none_gets_the_code_and_the_others_their_control_total(empty, opened, kind, value, code):
    source = opened(make_bank(empty, {"amount": kind}, changed((2, 3, value), (3, 3, "100"))))
    history = source.history(LATER)
    assert codes(history) == {3: code}
    assert by_key(history)[3]["amount"] is None
    assert source.totals(LATER)["amount_cents"].to_pylist() == [70000, 90000, 10000]


def test_binary_noise_of_doubles_is_no_third_decimal(empty, opened):
    rows = changed((2, 3, repr(0.1 + 0.2)))
    assert by_key(opened(make_bank(empty, {"amount": "double precision"}, rows)).history(LATER))[3][
        "amount"
    ] == Decimal("0.30")


def test_an_unknown_code_and_a_key_too_large_are_named(empty, opened):
    rows = changed((0, 5, "X"), (1, 1, "9" * 30))
    assert codes(opened(make_bank(empty, {"account_id": "numeric"}, rows)).history(LATER)) == {
        1: "trans_type_unknown_code",
        2: "account_id_too_large",
    }


def test_text_of_any_kind_comes_through_unharmed(empty, opened):
    nasty = 'a"b,c\n=cmd() <script> \\N \t; drop table x'
    source = opened(make_bank(empty, transactions=changed((0, 8, nasty.replace("'", "''")))))
    assert by_key(source.history(LATER))[1]["other_bank_id"] == nasty


# Rows without a date that can be read.

UNDATED = {
    "date": [None, "infinity", "-infinity", "0044-03-15 BC"],
    "timestamp": [None, "infinity", "-infinity"],
    "text": [None, "soon", "2013-02-30", ""],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in UNDATED.items() for value in values])
@pytest.mark.parametrize(("row", "night"), [(0, SECOND), (1, date(2013, 1, 1)), (3, SECOND)])
def test_a_row_without_a_date_counts_on_the_night_of_the_next_lower_key(empty, opened, kind, value, row, night):
    source = opened(make_bank(empty, {"trans_date": kind}, changed((row, 2, value))))
    offered = {day: by_key(source.night(date(2013, 1, day))) for day in (1, 2, 3)}
    assert offered[night.day][row + 1]["reader_codes"] == (
        "trans_date_missing" if not value else "trans_date_not_a_date"
    )
    assert sum(map(len, offered.values())) == 4
    history = source.history(LATER)
    assert history.offered == 4
    assert by_key(history)[row + 1]["night"] == night
    totals = source.totals(LATER).to_pylist()
    assert sum(day["row_count"] for day in totals) == 4
    assert sum(day["amount_cents"] for day in totals) == pc.sum(history.rows["amount"]).as_py() * 100


def test_many_rows_without_a_date_follow_the_same_rule(empty, opened):
    rows = [
        [i, 1, "" if i % 7 else f"2013-01-{1 + i // 7:02d}", "1.00", "1.00", "C", "CIC", "", "", ""]
        for i in range(1, 200)
    ]
    nights = {
        key: row["night"] for key, row in by_key(opened(make_bank(empty, transactions=rows)).history(LATER)).items()
    }
    assert len(nights) == 199
    assert all(night == date(2013, 1, 1 + max(key // 7, 1)) for key, night in nights.items())


def test_no_date_at_all_stops_the_source(empty, opened):
    source = opened(make_bank(empty, {"trans_date": "text"}, changed(*((row, 2, "soon") for row in range(4)))))
    with pytest.raises(SourceError, match="none of its 4 rows has a settlement date"):
        source.night(SECOND)


# Keys and digests.


@pytest.mark.parametrize("kind", ["date", "text"])
def test_a_key_on_two_dates_is_marked_on_both(empty, opened, kind):
    rows = changed((3, 0, "1"))
    source = opened(make_bank(empty, {"trans_date": kind}, rows))
    assert codes(source.night(date(2013, 1, 1))) == {1: "duplicate_key_other_date"}
    assert codes(source.night(date(2013, 1, 3))) == {1: "duplicate_key_other_date"}
    assert codes(source.night(SECOND)) == {}
    assert pc.sum(pc.equal(source.history(LATER).rows["reader_codes"], "duplicate_key_other_date")).as_py() == 2


def test_a_key_twice_on_one_date_is_for_the_gate_to_judge(empty, opened):
    source = opened(make_bank(empty, transactions=changed((2, 0, "2"))))
    assert codes(source.night(SECOND)) == {}


def test_a_primary_key_spares_the_search_for_doubles(empty, opened, monkeypatch):
    source = opened(make_bank(empty, key="trans_id"))
    monkeypatch.setattr(source._open, "_keys_on_two_dates", lambda *_: pytest.fail("searched"))
    assert source.night(SECOND).offered == 2


@pytest.mark.parametrize(
    "change",
    [
        "account_id = 2",
        "amount = amount + 0.01",
        "balance = balance + 0.01",
        "trans_type = 'P'",
        "operation = 'ROB'",
        "category = null",
        "other_bank_id = 'AB'",
        "trans_id = 30",
        "trans_date = null",
    ],
)
def test_the_digest_of_a_day_changes_when_any_value_of_a_row_does(empty, change):
    make_bank(empty)
    before = _totals(empty)
    run(empty, f"update fin_transaction set {change} where trans_id = 3")  # noqa: S608
    after = _totals(empty)
    assert before[SECOND] != after[SECOND]
    assert before[date(2013, 1, 1)] == after[date(2013, 1, 1)]


def test_the_digest_does_not_depend_on_where_the_rows_lie(empty):
    make_bank(empty)
    before = _totals(empty)
    run(empty, "update fin_transaction set amount = amount where trans_id < 3")
    assert _totals(empty) == before


def _totals(uri: str) -> dict[date, str]:
    with open_database(uri) as source:
        return dict(zip(*source.totals(LATER).select(["settlement_date", "digest"]).to_pydict().values(), strict=True))


# Other databases, addresses.


def test_sqlite_goes_the_same_way(tmp_path, teradata, opened):
    uri = f"sqlite:///{tmp_path / 'bank.db'}"
    load_bank(teradata, uri)
    source = opened(uri)
    with open_source(str(teradata)) as files:
        found, expected = source.history(LATER), files.history(LATER)
        assert source.night(NIGHT).offered == files.night(NIGHT).offered
        totals = [s.totals(LATER).drop_columns("digest") for s in (source, files)]
    assert totals[0].equals(totals[1])
    names = RELATIONS["fin_transaction"].schema.names
    assert found.rows.select(names).equals(pa.table(expected.rows.select(names).sort_by("trans_id")))
    assert source.static("fin_district").offered == 77
    assert found.rows["source_uri"][0].as_py() == f"sqlite:///{tmp_path / 'bank.db'}/fin_transaction"


def test_sqlite_rows_of_any_storage_are_read_value_by_value(tmp_path, opened):
    rows = changed((0, 2, "soon"), (1, 3, "many"), (2, 2, ""), (3, 3, "1.005"))
    source = opened(make_bank(f"sqlite:///{tmp_path / 'bank.db'}", transactions=rows))
    history = source.history(LATER)
    assert codes(history) == {
        1: "trans_date_not_a_date",
        2: "amount_not_a_number",
        3: "trans_date_missing",
        4: "amount_three_decimals",
    }
    assert sum(source.totals(LATER)["row_count"].to_pylist()) == 4


def test_a_night_is_asked_for_by_its_first_and_last_text_however_many_it_has(tmp_path, opened):
    times = [f"2013-01-0{day} 0{hour}:{minute:02d}" for day in (1, 2, 3) for hour in range(9) for minute in range(60)]
    texts = [*times, "soon", "2013-01-02 0", "", "2013-01-02T07:00:00"]
    rows = [[key, 1, text, "1.00", "1.00", "C", "CIC", "", "", ""] for key, text in enumerate(texts, 1)]
    source = opened(make_bank(f"sqlite:///{tmp_path / 'bank.db'}", {"trans_date": "text"}, rows))
    driver = source._open.connection.connection.driver_connection
    assert driver is not None
    driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 50)
    assert sum(source.totals(LATER)["row_count"].to_pylist()) == source.history(LATER).offered == len(texts)
    assert source.night(SECOND).rows["trans_date"].drop_null().to_pylist() == [SECOND] * (540 + 1)
    assert codes(source.history(LATER)) == {
        len(times) + 1: "trans_date_not_a_date",
        len(times) + 2: "trans_date_not_a_date",
        len(times) + 3: "trans_date_missing",
    }


def test_a_sqlite_file_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(SourceError, match="no SQLite database at"), open_database(f"sqlite:///{tmp_path / 'bank.db'}"):
        pass
    assert not (tmp_path / "bank.db").exists()


def test_a_sqlite_file_that_is_none_says_so(tmp_path):
    (tmp_path / "bank.db").write_text("trans_id,account_id\n" * 100)
    with pytest.raises(SourceError, match="not a database"), open_database(f"sqlite:///{tmp_path / 'bank.db'}"):
        pass


@pytest.mark.parametrize(
    "uri", ["postgresql://me:se cret@host:port/x", "oracle+none://me:secret@host/x", "postgresql+no://x"]
)
def test_an_address_that_cannot_be_read_is_refused_without_being_shown(uri):
    with pytest.raises(SettingsError) as raised:
        open_database(uri)
    assert "cret" not in str(raised.value)


def test_reading_outside_of_with_is_a_mistake_of_the_caller(bank):
    with pytest.raises(RuntimeError, match="inside `with`"):
        open_database(bank).span()
    with open_database(bank) as source, pytest.raises(RuntimeError, match="already being read"):
        source.__enter__()
