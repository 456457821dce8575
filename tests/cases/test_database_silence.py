"""A database that says nothing, stops in the middle or computes for ever is given up, with a sentence."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from include.databases.terms import ServerTerms
from include.errors import SourceUnavailableError
from include.sources import open_source
from include.sources.database.patience import WATCHER, Patience
from tests.sources.small_databases import columns_of, make_bank, new_schema, run
from tests.sources.stubborn_servers import Talk, deaf, serving, silent_mysql, silent_postgres, stopping_after

SECOND = date(2013, 1, 2)
LIMIT = 1
HURRIED = ServerTerms(timeout_seconds=LIMIT)
# What a machine that does other things besides may take to notice.
SLACK = 20


@pytest.fixture
def hurried() -> Iterator[None]:
    """Fails what hangs, where the limit does not end it."""

    def give_up(*_: object) -> None:
        raise TimeoutError("it hangs")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(SLACK)
    yield
    signal.alarm(0)


def given_up(uri: str) -> str:
    began = time.monotonic()
    with (
        pytest.raises(SourceUnavailableError) as failed,
        open_source(uri, terms=HURRIED) as source,
    ):
        source.night(SECOND)
    assert time.monotonic() - began < SLACK
    assert WATCHER not in {thread.name for thread in threading.enumerate()}
    return str(failed.value)


@pytest.mark.parametrize(
    ("talk", "driver"),
    [(silent_postgres, "postgresql+psycopg"), (silent_mysql, "mysql+pymysql"), (deaf, "mysql+pymysql")],
)
def test_a_server_that_says_nothing_is_given_up(hurried, talk: Talk, driver: str):
    with serving(talk) as server:
        off = "?sslmode=disable" if driver.startswith("postgresql") else ""
        said = given_up(f"{driver}://u:hunter2@127.0.0.1:{server.port}/bank{off}")
    assert f"said nothing for {LIMIT} seconds" in said or "timed out" in said
    assert "hunter2" not in said


def test_a_server_that_takes_no_login_is_given_up_at_the_connection_limit(hurried):
    with serving(deaf) as server:
        uri = f"postgresql+psycopg://u@127.0.0.1:{server.port}/bank?sslmode=disable&connect_timeout=2"
        said = given_up(uri)
    assert "connection timeout" in said or "said nothing" in said


def test_a_server_that_stops_in_the_middle_of_a_result_is_given_up(hurried, postgres_server):
    uri = make_bank(new_schema(postgres_server.create_database("silence")))
    rows = "insert into fin_transaction select i, 1, '2013-01-02', 1, 1, 'C' from generate_series(100, 9999) as i"
    run(uri, rows)
    schema = uri.partition("options=")[2]
    with stopping_after(150_000, str(postgres_server.socket_folder / ".s.PGSQL.5432")) as server:
        through = f"postgresql+psycopg://postgres@127.0.0.1:{server.port}/silence?sslmode=disable&options={schema}"
        assert f"said nothing for {LIMIT} seconds" in given_up(through)


ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select"


@pytest.mark.parametrize(
    "columns",
    [
        "i, 1, '2013-01-02', 1, 1, 'C', 'CIC', null, null, null from n",
        "count(*), 1, '2013-01-02', 1, 1, 'C', 'CIC', null, null, null from n",
        "i, 1, '2013-01-02', 1, 1, 'C', 'CIC', null, null, null from n where i < 0",
    ],
)
def test_a_view_without_end_is_interrupted(hurried, tmp_path: Path, columns: str):
    uri = make_bank(f"sqlite:///{tmp_path / 'bank.db'}", table="kept")
    named = ", ".join(columns_of("fin_transaction"))
    run(uri, f"create view fin_transaction ({named}) as {ENDLESS} {columns}")
    assert f"said nothing for {LIMIT} seconds" in given_up(uri)


def test_a_server_that_computes_for_ever_ends_with_the_limit(hurried, postgres_server):
    uri = make_bank(new_schema(postgres_server.create_database("silence")), table="kept")
    run(uri, "create view fin_transaction as select kept.* from kept, pg_sleep(60)")
    said = given_up(uri)
    assert f"said nothing for {LIMIT} seconds" in said or "statement timeout" in said


def test_a_slow_source_that_goes_on_is_not_given_up():
    patience = Patience("sqlite:///slow.db", 0.3)
    patience.watch(sqlite3.connect(":memory:"))
    with patience.limit():
        for _ in range(4):
            time.sleep(0.2)
            patience.heard()


def test_the_sentence_says_how_to_give_more_time(hurried):
    with serving(silent_postgres) as server:
        said = given_up(f"postgresql+psycopg://u@127.0.0.1:{server.port}/bank?sslmode=disable")
    assert f"postgresql://127.0.0.1:{server.port}/bank" in said
    assert "ADS_SOURCE_TIMEOUT_SECONDS" in said
