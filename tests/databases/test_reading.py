"""What PostgreSQL and MariaDB are read as: one snapshot, in batches, by a role that cannot write, every type."""

from __future__ import annotations

import re
from datetime import date

import pytest
import sqlalchemy as sa

from include.errors import SourceUnavailableError
from include.sources import open_source
from include.sources.database import link
from tests.databases.servers import DebianPostgres, Server
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


@pytest.mark.parametrize(
    "lock", ["lock table fin_transaction in access exclusive mode", "lock tables fin_transaction write"]
)
def test_a_table_that_is_being_altered_is_not_waited_for_for_ever(server, bank, monkeypatch, lock):
    """A lock of a definition: PostgreSQL's `access exclusive`, MySQL's metadata lock."""
    if ("exclusive" in lock) != isinstance(server, DebianPostgres):
        return
    monkeypatch.setattr(link, "_LOCK_SECONDS", 1)
    with server.engine(bank).begin() as other:
        other.exec_driver_sql(lock)
        with (
            pytest.raises(SourceUnavailableError, match=r"(?i)lock.*timeout.*try again"),
            open_source(server.address(bank)) as source,
        ):
            source.night(SECOND)


def test_a_table_that_was_altered_meanwhile_may_be_tried_again(mariadb):
    bank = mariadb.small_bank()
    altered = pytest.raises(SourceUnavailableError, match=r"definition has changed.*try again")
    with altered, open_source(mariadb.address(bank)) as source:
        mariadb.run("alter table fin_client add column more int, algorithm = copy", database=bank)
        source.static("fin_client")
