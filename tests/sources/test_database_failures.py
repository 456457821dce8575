"""A database that refuses, drops, locks or changes meanwhile: nothing kept, nothing secret said, and what to do."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from include.errors import SourceChangedError, SourceError, SourceUnavailableError
from include.sources.database import link, reading
from include.sources.database.source import DatabaseSource, open_database
from local.postgres import LocalPostgres
from tests.sources.small_databases import make_bank, new_schema, run

LATER = date(2100, 1, 1)
SECOND = date(2013, 1, 2)
ROWS = "insert into fin_transaction select i, 1, '2013-01-02', 1, 1, 'C' from generate_series(100, 399) as i"


@pytest.fixture
def bank(postgres_server: LocalPostgres) -> str:
    """The small bank and 300 more rows on one date, in a schema of its own."""
    uri = make_bank(new_schema(postgres_server.create_database("failures")))
    run(uri, ROWS)
    return uri


@contextmanager
def between_batches(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> Iterator[None]:
    """Let something happen once, after the first batch of many has come in."""
    typed, pending = reading._typed, [happens]

    def and_then(*arguments: object) -> object:
        if pending:
            pending.pop()()
        return typed(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(reading, "BATCH_ROWS", 50)
        patch.setattr(reading, "_typed", and_then)
        yield


def backend(source: DatabaseSource) -> int:
    return source._open.connection.execute(sa.select(sa.func.pg_backend_pid())).scalar_one()


@pytest.mark.parametrize("place", ["127.0.0.1:1/bank", "/bank?host=/nowhere", "no-such-host.invalid/bank"])
def test_a_server_that_cannot_be_reached_is_worth_another_try(place):
    uri = f"postgresql+psycopg://teller:hunter2@{place}"
    with pytest.raises(SourceUnavailableError, match=r"is not available .* try again") as raised, open_database(uri):
        pass
    assert "hunter2" not in "".join(traceback.format_exception(raised.value))


@pytest.fixture
def guarded(postgres_server: LocalPostgres) -> Iterator[str]:
    """The address of a database that asks `teller` for a password (which is right there)."""
    postgres_server.create_database("guarded")
    create = "create role teller login password 'hunter2'"
    run(postgres_server.uri("guarded"), "drop role if exists teller", create)
    rules = postgres_server.folder / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local guarded teller scram-sha-256\n" + before)
    run(postgres_server.uri("postgres"), "select pg_reload_conf()")
    yield f"postgresql+psycopg://teller:hunter2@/guarded?host={postgres_server.socket_folder}"
    rules.write_text(before)
    run(postgres_server.uri("postgres"), "select pg_reload_conf()")


def test_a_wrong_password_is_the_operators_to_mend_and_is_never_shown(guarded):
    with pytest.raises(SourceError, match="lacks the required tables"), open_database(guarded):
        pass
    wrong = "s3cr3t"
    source = open_database(guarded.replace("hunter2", wrong))
    with pytest.raises(SourceError, match=r"password authentication failed .*mend the address, the password") as raised:
        source.__enter__()
    assert wrong not in "".join(traceback.format_exception(raised.value))


def test_rights_that_are_missing_are_named(guarded, postgres_server):
    make_bank(postgres_server.uri("guarded"))
    with pytest.raises(SourceError, match="permission denied for table fin_transaction"), open_database(guarded) as to:
        to.night(SECOND)


def test_a_database_that_does_not_exist_is_said_so(postgres_server):
    with pytest.raises(SourceError, match='"nowhere" does not exist'), open_database(postgres_server.uri("nowhere")):
        pass


def test_a_connection_dropped_in_the_middle_keeps_nothing_and_may_be_tried_again(bank, monkeypatch):
    with pytest.raises(SourceUnavailableError, match="nothing of the extract was kept"), open_database(bank) as source:
        pid = backend(source)
        with between_batches(monkeypatch, lambda: run(bank, f"select pg_terminate_backend({pid}, 5000)")):
            source.night(SECOND)
    with open_database(bank) as source:
        assert source.night(SECOND).offered == 302


def test_rows_that_arrive_meanwhile_are_not_seen_and_the_totals_agree(bank, monkeypatch):
    late = "insert into fin_transaction values (500, 1, '2013-01-02', 7, 7, 'C')"
    with open_database(bank) as source:
        before = source.totals(LATER)
        with between_batches(monkeypatch, lambda: run(bank, late, "delete from fin_transaction where trans_id = 3")):
            assert source.night(SECOND).offered == 302
        assert source.history(LATER).offered == 304
        assert source.totals(LATER).equals(before)
    with open_database(bank) as source:
        assert not source.totals(LATER).equals(before)


@pytest.mark.parametrize(
    "change",
    ["insert into fin_transaction values (500, 1, '2013-01-02', 7, 7, 'C')", "update fin_transaction set amount = 8"],
)
def test_control_totals_tell_when_there_was_no_snapshot(bank, monkeypatch, change):
    monkeypatch.setitem(link._SNAPSHOT_OPTIONS, "postgresql", {"isolation_level": "READ COMMITTED"})
    with (
        pytest.raises(SourceChangedError, match="changed while it was read: 302 rows over"),
        open_database(bank) as source,
        between_batches(monkeypatch, lambda: run(bank, change)),
    ):
        source.night(SECOND)


@pytest.mark.parametrize("option", ["lock_timeout%3D100", "statement_timeout%3D100"])
def test_a_locked_table_is_not_waited_for_for_ever(bank, option):
    with psycopg.connect(bank.replace("+psycopg", "")) as other:
        other.execute("lock table fin_transaction in access exclusive mode")
        failed = pytest.raises(SourceUnavailableError, match=r"timeout.*try again")
        with failed, open_database(f"{bank}%20-c{option}") as source:
            source.night(SECOND)


def test_the_wait_for_a_lock_is_bounded_unless_the_address_says_otherwise(bank):
    shown = sa.select(sa.func.current_setting("lock_timeout"))
    for uri, expected in ((bank, "1min"), (f"{bank}%20-clock_timeout%3D5s", "5s")):
        with open_database(uri) as source:
            assert source._open.connection.execute(shown).scalar_one() == expected


def test_the_snapshot_cannot_write(bank):
    with open_database(bank) as source, pytest.raises(sa.exc.InternalError, match="read-only transaction"):
        source._open.connection.exec_driver_sql("delete from fin_transaction")


def test_a_date_style_of_the_server_changes_nothing(bank, postgres_server):
    with open_database(f"{bank}%20-cDateStyle%3DGerman") as source:
        assert source.night(SECOND).rows["reader_codes"].null_count == 302


def test_nothing_stays_open_after_a_failure(bank, monkeypatch):
    with pytest.raises(SourceUnavailableError), open_database(bank) as source:
        pid = backend(source)
        with between_batches(monkeypatch, lambda: run(bank, f"select pg_terminate_backend({pid}, 5000)")):
            source.history(LATER)
    with psycopg.connect(bank.replace("+psycopg", "")) as other:
        query = "select count(*) from pg_stat_activity where datname = 'failures' and pid <> pg_backend_pid()"
        assert other.execute(query).fetchone() == (0,)


def test_a_locked_sqlite_file_may_be_tried_again(tmp_path: Path):
    uri = make_bank(f"sqlite:///{tmp_path / 'bank.db'}")
    engine = sa.create_engine(uri)
    with engine.connect() as writer:
        writer.exec_driver_sql("begin exclusive")
        failed = pytest.raises(SourceUnavailableError, match="database is locked")
        with failed, open_database(f"{uri}?timeout=0.1") as source:
            source.night(SECOND)
    engine.dispose()
