"""The audit log only grows, and says of each entry whether it is as it was written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from include.__main__ import main
from include.cases import AuditLog, audit_faults
from include.cases.store import open_store
from include.cases.tables import AUDIT
from include.lake import Lake
from include.lake.sql_store import schema_of
from include.settings import Settings, get_settings
from local.postgres import LocalPostgres
from tests.case_book.nights import ACCOUNT, MINUTE, NOW, OTHER, Desk, settings_of

Names = Callable[[str], str]
_NAMES = count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a lake whose catalog is a file, or in a server."""
    if request.param == "sqlite":
        return settings_of(tmp_path)
    server: LocalPostgres = request.getfixturevalue("postgres_server")
    return settings_of(tmp_path, catalog_uri=server.uri("postgres"), namespace=f"audited_{next(_NAMES)}")


@pytest.fixture
def log(settings: Settings) -> AuditLog:
    """A log of four entries."""
    Lake.open(settings.lake_uri, settings)
    log = AuditLog.open(settings.lake_uri, settings)
    for number in range(1, 5):
        log.record("ann", "viewed", f"case-{number}", NOW, account=ACCOUNT, detail={"rows": number})
    return log


@pytest.fixture
def tamper(settings: Settings, log: AuditLog) -> Callable[[sa.Executable], None]:
    """Runs a statement as whoever owns the database may, past its guard."""
    store = open_store(settings.lake_uri, settings)

    def run(statement: sa.Executable) -> None:
        with store.write() as connection:
            for guard in _guards(connection):
                connection.exec_driver_sql(guard)
            connection.execute(statement)

    return run


def _guards(connection: sa.Connection) -> list[str]:
    if schema := schema_of(connection):
        return [f"drop trigger if exists audit_only_grows on {schema}.audit"]
    return [f"drop trigger if exists audit_no_{act}" for act in ("update", "delete")]


def test_an_entry_names_the_account_by_a_digest(log: AuditLog) -> None:
    log.record("bob", "exported", "", NOW + MINUTE)
    first, *_, last = log.entries()
    assert (first.who, first.action, first.subject, first.detail) == ("ann", "viewed", "case-1", {"rows": 1})
    assert (last.number, last.account, last.at) == (5, "", NOW + MINUTE)
    assert str(ACCOUNT) not in repr(first)
    assert [entry.number for entry in log.entries_about(ACCOUNT)] == [1, 2, 3, 4]
    assert [*log.entries_about(OTHER)] == []
    assert log.faults() == []


def _listed(log: AuditLog, now: datetime, *accounts: int, page: str = "") -> int:
    """Number of entries that a list of accounts adds."""
    before = len([*log.entries()])
    log.record_list("ann", "queue", now, rows=len(accounts), accounts=accounts, detail={"filter": "", "page": page})
    return len([*log.entries()]) - before


def test_a_list_is_one_entry_that_is_found_by_each_of_its_accounts(log: AuditLog) -> None:
    assert _listed(log, NOW, OTHER, OTHER + 1) == 1
    (entry,) = log.entries_about(OTHER)
    assert (entry.action, entry.subject, entry.detail["rows"]) == ("listed", "queue", 2)
    assert str(OTHER) not in repr(entry)
    assert [each.number for each in log.entries_about(OTHER + 1)] == [5]
    assert [each.number for each in log.entries_about(ACCOUNT)] == [1, 2, 3, 4]
    assert log.faults() == []


def test_a_list_that_refreshes_itself_is_written_again_where_it_shows_more(log: AuditLog) -> None:
    assert _listed(log, NOW, OTHER, ACCOUNT) == 1
    assert _listed(log, NOW + MINUTE / 2, OTHER) == 0
    assert _listed(log, NOW + MINUTE / 2, OTHER, ACCOUNT, page="2") == 1
    assert _listed(log, NOW + MINUTE / 2, OTHER, OTHER + 1) == 1
    assert _listed(log, NOW + MINUTE, OTHER, ACCOUNT) == 1


@pytest.mark.parametrize(
    "statement",
    [sa.update(AUDIT).values(who="eve"), sa.delete(AUDIT), sa.text("truncate {}")],
    ids=["update", "delete", "truncate"],
)
def test_the_database_refuses_changes(log: AuditLog, settings: Settings, statement: sa.Executable) -> None:
    store = open_store(settings.lake_uri, settings)
    with pytest.raises(DatabaseError, match="the audit log only grows"), store.write() as connection:
        if isinstance(statement, sa.TextClause):
            if store.is_sqlite:
                pytest.skip("SQLite has no truncate")
            statement = sa.text(statement.text.format(f"{schema_of(connection)}.audit"))
        connection.execute(statement)
    assert log.faults() == []


def test_a_changed_entry_is_named(log: AuditLog, tamper: Callable[[sa.Executable], None]) -> None:
    second = sa.update(AUDIT).where(AUDIT.c.number == 2)
    for name, value in (("who", "eve"), ("at", NOW + MINUTE), ("account", ""), ("detail", "{}"), ("subject", "x")):
        before = next(log.entries(2))
        tamper(second.values({name: value}))
        assert log.faults() == ["audit: entry 2 is not as it was written"]
        right = {**vars(before), "detail": '{"rows": 2}'}
        tamper(second.values({name: right[name]}))
        assert log.faults() == []


def test_a_digest_without_the_key_is_no_digest(log: AuditLog, tamper: Callable[[sa.Executable], None]) -> None:
    tamper(sa.update(AUDIT).where(AUDIT.c.number == 4).values(digest="0" * 64))
    assert log.faults() == ["audit: entry 4 is not as it was written"]


def test_missing_entries_are_named(log: AuditLog, settings: Settings, tamper: Callable[[sa.Executable], None]) -> None:
    tamper(sa.delete(AUDIT).where(AUDIT.c.number == 2))
    assert log.faults() == ["audit: entry 2 is missing"]
    tamper(sa.delete(AUDIT).where(AUDIT.c.number >= 2))
    (fault,) = audit_faults(settings.lake_uri, settings)
    assert fault.startswith("audit: entries 2 to 4 are missing at the end")


def test_what_is_done_with_a_case_is_audited(shared_desk: Desk, names: Names, account: int) -> None:
    book = shared_desk.book
    decided = book.decide(shared_desk.decision(names("one")), "ann", NOW)
    book.undo(decided.decision_id, "bob", NOW + MINUTE)
    told = [(entry.who, entry.action) for entry in book.audit.entries_about(account)]
    assert told == [("ann", "decided"), ("bob", "undid")]
    assert next(book.audit.entries_about(account)).detail["outcome"] == "fraud"
    assert audit_faults(shared_desk.settings.lake_uri, shared_desk.settings) == []


def test_the_command_prints_what_is_about_an_account(
    shared_desk: Desk,
    names: Names,
    account: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shared_desk.book.claim(shared_desk.book.case_of(names("one")), "ann", NOW)
    monkeypatch.setenv("ADS_KEY_FILE", str(shared_desk.settings.key_file))
    get_settings.cache_clear()
    assert main(["audit", "--lake", shared_desk.settings.lake_uri, "--account", str(account)]) == 0
    monkeypatch.undo()
    get_settings.cache_clear()
    (line,) = capsys.readouterr().out.splitlines()
    entry = json.loads(line)
    assert (entry["who"], entry["action"], entry["at"]) == ("ann", "claimed", str(NOW))
    assert str(account) not in line


def test_a_log_that_is_gone_is_noticed_and_none_is_made(shared_desk: Desk, tmp_path: Path) -> None:
    file = Path(shared_desk.settings.lake_uri.removeprefix("file:")) / "ads-cases.db"
    shared_desk.book.audit.record("ann", "viewed", "", NOW)
    aside = tmp_path / "aside.db"
    shutil.copyfile(file, aside)
    file.unlink()
    (fault,) = audit_faults(shared_desk.settings.lake_uri, shared_desk.settings)
    assert "missing at the end: restore the database of cases" in fault
    assert not file.exists()
    shutil.copyfile(aside, file)
    assert audit_faults(shared_desk.settings.lake_uri, shared_desk.settings) == []
