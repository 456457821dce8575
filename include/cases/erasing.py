"""Takes a client out of the case book, on request; the audit log names accounts by digests alone and stays whole."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterator

import pyarrow as pa
import sqlalchemy as sa

from include.cases.store import FILE, SCHEMA, set_mark, writing
from include.cases.summaries import sum_up
from include.cases.tables import AUDIT, CASES, ERASED, FINDINGS, METADATA, SEARCHES, VIEWS
from include.lake.sql_store import SqlStore, schema_of
from include.settings import Settings

SENTENCES_SCHEMA = pa.schema(
    [pa.field("finding_id", pa.string()), pa.field("account_id", pa.int64()), pa.field("text", pa.string())]
)
_BATCH = 20_000
_CHUNK = 400


class HeldCases:
    """What the case book holds, for whoever has to find and erase a client in it."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    @classmethod
    def find(cls, lake_uri: str, settings: Settings) -> HeldCases | None:
        """The book beside a lake's catalog; None where there is none."""
        store = SqlStore.find(lake_uri, settings, METADATA, schema=SCHEMA, file=FILE)
        return None if store is None else cls(store)

    def sentences(self) -> Iterator[pa.Table]:
        """Every finding's id, account and sentence (`SENTENCES_SCHEMA`), some thousands at a time."""
        query = sa.select(*(FINDINGS.c[name] for name in SENTENCES_SCHEMA.names))
        with self._store.read() as connection:
            rows = connection.execution_options(yield_per=_BATCH).execute(query).mappings()
            for part in rows.partitions():
                yield pa.Table.from_pylist([dict(row) for row in part], SENTENCES_SCHEMA)

    def cases_of(self, accounts: Collection[int]) -> int:
        """Number of cases of some accounts."""
        with self._store.read() as connection:
            return sum(len(found) for found in _chunks(connection, sorted(accounts)))

    def erase(
        self,
        accounts: Collection[int],
        finding_ids: Collection[str],
        *,
        described: Collection[int] = (),
        numbers: Collection[int] = (),
    ) -> None:
        """Erase the cases of accounts and some findings of other cases, with all that hangs on them.

        Parameters
        ----------
        accounts
            Accounts whose cases go as a whole.
        finding_ids
            Further findings, whose cases stay where others are left.
        described
            Accounts that stay, without what says where their former owner lived.
        numbers
            Numbers of accounts and postings that nobody's saved view and no search may name.
        """
        with writing(self._store) as connection:
            set_mark(connection, ERASED, uuid.uuid4().hex)
            for found in _chunks(connection, sorted(accounts)):
                connection.execute(sa.delete(CASES).where(CASES.c.case_id.in_(found)))
            _erase_findings(connection, sorted(finding_ids))
            for found in _chunks(connection, sorted(described)):
                connection.execute(sa.update(CASES).where(CASES.c.case_id.in_(found)).values(district=None))
            _erase_views(connection, {str(number) for number in numbers})
            _erase_searches(connection, {*numbers})
        self._rewrite()

    def _rewrite(self) -> None:
        """Leave nothing of removed rows in a server's files; SQLite overwrites them as it removes them."""
        if self._store.is_sqlite:
            return
        with self._store.outside() as connection:
            for name in sorted({*METADATA.tables} - {AUDIT.name}):
                connection.exec_driver_sql(f"vacuum full {schema_of(connection)}.{name}")


def _chunks(connection: sa.Connection, accounts: list[int]) -> Iterator[list[str]]:
    """The cases of accounts, some hundred accounts at a time."""
    for start in range(0, len(accounts), _CHUNK):
        theirs = CASES.c.account_id.in_(accounts[start : start + _CHUNK])
        yield [*connection.scalars(sa.select(CASES.c.case_id).where(theirs))]


def _erase_findings(connection: sa.Connection, finding_ids: list[str]) -> None:
    touched: set[str] = set()
    for start in range(0, len(finding_ids), _CHUNK):
        mine = FINDINGS.c.finding_id.in_(finding_ids[start : start + _CHUNK])
        touched |= {*connection.scalars(sa.select(FINDINGS.c.case_id).where(mine))}
        connection.execute(sa.delete(FINDINGS).where(mine))
    empty = sa.select(CASES.c.case_id).where(~sa.exists().where(FINDINGS.c.case_id == CASES.c.case_id))
    gone = {*connection.scalars(empty)} & touched
    connection.execute(sa.delete(CASES).where(CASES.c.case_id.in_(gone)))
    sum_up(connection, touched - gone)


def _erase_views(connection: sa.Connection, numbers: set[str]) -> None:
    """Remove saved views that name one of these numbers."""
    for row in connection.execute(sa.select(VIEWS)).mappings().all():
        wanted = json.loads(row["wanted"])
        if numbers & {str(wanted.get(name)) for name in ("account", "posting", "search")}:
            mine = (VIEWS.c.who == row["who"], VIEWS.c.name == row["name"])
            connection.execute(sa.delete(VIEWS).where(*mine))


def _erase_searches(connection: sa.Connection, numbers: set[int]) -> None:
    """Remove kept searches for one of these numbers; a day has few of them."""
    for row in connection.execute(sa.select(SEARCHES)).mappings().all():
        if numbers & {row["account"], row["posting"]}:
            connection.execute(sa.delete(SEARCHES).where(SEARCHES.c.token == row["token"]))
