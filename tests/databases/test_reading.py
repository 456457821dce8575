"""What PostgreSQL and MariaDB are read as: one snapshot, in batches, by a role that cannot write, every type."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from include.databases.terms import ServerTerms
from include.errors import SourceUnavailableError
from include.sources import open_source
from include.sources.database import link
from tests.databases.servers import DebianPostgres, MariaDb, Server
from tests.sources.small_databases import changed
from tests.sources.test_database_failures import between_batches

LATER = date(2100, 1, 1)
SECOND = date(2013, 1, 2)
LATE = "insert into fin_transaction values (500, 1, '2013-01-02', 7, 7, 'C', null, null, null, null)"


@pytest.fixture
def bank(server: Server) -> str:
    """The small bank in a database of its own, which `teller` may read."""
    return server.small_bank()


def test_what_is_committed_meanwhile_is_not_seen(server, bank):
    """Also not before the first query: the snapshot is of the moment in which the source was opened."""
    with open_source(server.address(bank)) as source:
        server.run(LATE, database=bank)
        assert source.night(SECOND).offered == 2
        before = source.totals(LATER)
        server.run(LATE.replace("500", "501"), "delete from fin_transaction where trans_id = 1", database=bank)
        assert source.totals(LATER).equals(before)
    with open_source(server.address(bank)) as source:
        assert source.night(SECOND).offered == 4


def test_the_source_cannot_write_even_as_a_user_who_may_and_says_so(server, bank, caplog):
    server.run("grant insert on fin_transaction to teller", database=bank)
    with open_source(server.address(bank)) as source, pytest.raises(sa.exc.DBAPIError, match=r"(?i)read.only trans"):
        source._open.connection.exec_driver_sql(LATE)
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert re.search("teller.*, who may write .*fin_transaction: .*revoke insert, update, delete", said)


def test_the_role_of_the_documentation_cannot_write_and_nothing_is_said_of_it(server, bank, caplog):
    engine = sa.create_engine(server.address(bank), poolclass=sa.NullPool)
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match=r"(?i)denied"):
        connection.exec_driver_sql(LATE)
    with open_source(server.address(bank)):
        pass
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


@pytest.fixture
def larger(server: Server) -> str:
    """The small bank and 300 more rows on one date."""
    more = [[str(100 + n), "1", "2013-01-02", "1", "1", "C", "", "", "", ""] for n in range(300)]
    return server.small_bank(transactions=[*changed(), *more])


def test_a_connection_cut_in_the_middle_keeps_nothing_and_may_be_tried_again(server, larger, monkeypatch):
    cut = pytest.raises(SourceUnavailableError, match="nothing of the extract was kept, try again")
    with cut, open_source(server.address(larger)) as source, between_batches(monkeypatch, server.cut):
        source.night(SECOND)
    with open_source(server.address(larger)) as source:
        assert source.night(SECOND).offered == 302


def test_what_is_committed_between_two_batches_is_not_seen(server, larger, monkeypatch):
    def meanwhile() -> None:
        server.run(LATE, "delete from fin_transaction where trans_id = 3", database=larger)

    with open_source(server.address(larger)) as source:
        with between_batches(monkeypatch, meanwhile):
            assert source.night(SECOND).offered == 302
        assert source.history(LATER).offered == 304


def test_a_table_that_is_being_altered_is_not_waited_for_for_ever(server, bank, monkeypatch):
    """A lock of a definition: PostgreSQL's `access exclusive`, MySQL's metadata lock."""
    is_postgres = isinstance(server, DebianPostgres)
    lock = "lock table fin_transaction in access exclusive mode" if is_postgres else "lock tables fin_transaction write"
    monkeypatch.setattr(link, "_LOCK_SECONDS", 1)
    source = open_source(server.address(bank), terms=ServerTerms(timeout_seconds=20))
    given_up = pytest.raises(SourceUnavailableError, match=r"(?i)lock.*timeout.*try again")
    with server.engine(bank).begin() as other:
        other.exec_driver_sql(lock)
        with given_up, source:
            source.night(SECOND)


def test_a_table_that_was_altered_meanwhile_may_be_tried_again(mariadb):
    bank = mariadb.small_bank()
    altered = pytest.raises(SourceUnavailableError, match=r"definition has changed.*try again")
    with altered, open_source(mariadb.address(bank)) as source:
        mariadb.run("alter table fin_client add column more int, algorithm = copy", database=bank)
        source.static("fin_client")


def test_rows_come_in_batches_which_the_driver_does_not_hold(server, larger, monkeypatch):
    """The memory of an extract is that of its own rows, whatever the driver does by itself."""
    with open_source(server.address(larger)) as source:
        driver = source._open.connection.connection.driver_connection
        seen = []

        def look() -> None:
            cursors = "select count(*) from pg_cursors"
            is_mysql = isinstance(server, MariaDb)
            seen.append(driver._result.unbuffered_active if is_mysql else source_sees(driver, cursors) == 1)

        with between_batches(monkeypatch, look):
            source.night(SECOND)
    assert seen == [True]


def source_sees(driver: Any, statement: str) -> Any:
    with driver.cursor() as cursor:
        return cursor.execute(statement).fetchone()[0]


MYSQL_TYPES = {
    "trans_id": "bigint unsigned",
    "account_id": "int unsigned",
    "trans_date": "datetime",
    "amount": "double",
    "balance": "float",
    "trans_type": "enum('C','D')",
    "other_bank_id": "varchar(20) character set latin1",
    "other_account_id": "decimal(20,0) unsigned",
}


def test_mysqls_types_are_read_as_the_plain_ones(mariadb):
    plain, own = mariadb.small_bank(), mariadb.small_bank(types=MYSQL_TYPES)
    with open_source(mariadb.address(plain)) as source, open_source(mariadb.address(own)) as other:
        rows = [each.history(LATER).rows.drop_columns(["source_uri", "raw"]) for each in (source, other)]
    assert rows[1].equals(rows[0])
    assert rows[0]["reader_codes"].null_count == 4


def test_texts_of_any_script_and_small_integers_arrive(mariadb):
    texts = ["\N{GRINNING FACE} \u0158", "Jos\u00e9", "a\\b'c\"d"]
    bank = mariadb.small_bank(types={"amount": "tinyint unsigned", "other_bank_id": "text"}, transactions=[])
    insert = "insert into fin_transaction values (%s, 1, '2013-01-02', 255, 1, 'C', null, null, %s, null)"
    with mariadb.engine(bank).begin() as connection:
        connection.exec_driver_sql(insert, list(enumerate(texts)))
    with open_source(mariadb.address(bank)) as source:
        found = source.night(SECOND).rows
    assert found["other_bank_id"].to_pylist() == texts
    assert {str(amount) for amount in found["amount"].to_pylist()} == {"255.00"}


NO_DAYS = ["0000-00-00", "2013-00-00", "2013-02-00", "2013-02-31"]


@pytest.mark.parametrize("kind", ["date", "datetime"])
def test_a_day_that_no_calendar_has_is_no_date(mariadb, kind):
    """MySQL keeps them where its mode lets it; the records count on the night of the next lower key."""
    rows = [f"({500 + n}, 1, '{day}', 1, 1, 'C', null, null, null, null)" for n, day in enumerate(NO_DAYS)]
    bank = mariadb.small_bank(types={"trans_date": kind})
    with mariadb.engine(bank).begin() as connection:
        connection.exec_driver_sql("set session sql_mode = 'ALLOW_INVALID_DATES'")
        connection.exec_driver_sql(f"insert into fin_transaction values {', '.join(rows)}")  # noqa: S608 - own values
    with open_source(mariadb.address(bank)) as source:
        assert source.span() == (date(2013, 1, 1), date(2013, 1, 3))
        found = source.night(date(2013, 1, 3)).rows
        assert source.totals(LATER)["row_count"].to_pylist() == [1, 2, 5]
    assert found["trans_id"].to_pylist() == [4, 500, 501, 502, 503]
    assert found["reader_codes"].to_pylist() == [None, *["trans_date_not_a_date"] * 4]


def test_a_mode_of_the_server_changes_nothing(mariadb):
    """Such as one that fills a CHAR with blanks, which are no part of what was put in."""
    bank = mariadb.small_bank(types={"other_bank_id": "char(10)"})
    mariadb.run("set global sql_mode = 'ANSI,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES'")
    try:
        with open_source(mariadb.address(bank)) as source:
            assert '"other_bank_id":"YZ"' in source.night(date(2013, 1, 3)).rows["raw"][0].as_py()
    finally:
        mariadb.run("set global sql_mode = default")


def test_moments_count_in_the_zone_that_is_declared(mariadb):
    """A TIMESTAMP of half past ten at night in UTC is on the next day in Prague."""
    bank = mariadb.small_bank(types={"trans_date": "timestamp null"}, transactions=[])
    mariadb.know_zone("Europe/Prague")
    mariadb.run(
        "insert into fin_transaction values (1, 1, '2013-07-01 22:30:00', 7, 7, 'C', null, null, null, null)",
        database=bank,
    )
    with open_source(f"{mariadb.address(bank)}?zone=Europe/Prague") as source:
        assert source.span() == (date(2013, 7, 2), date(2013, 7, 2))
        assert source.night(date(2013, 7, 2)).offered == 1
