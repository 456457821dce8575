"""Counts what users did lately, over all of the server's processes on this machine.

Several processes may answer (`[api] workers`), and each is restarted now and then, so that the counts are kept in a
file in Airflow's home. Servers on several machines count separately, so that a limit holds once per machine.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from airflow.configuration import AIRFLOW_HOME

_KEPT_SECONDS = 24 * 3600
"""Longest span that is counted: a night's reviews are counted from midnight on."""
_BUSY_SECONDS = 10
_SCHEMA = """
create table if not exists taken (what text not null, who text not null, at real not null, amount integer not null);
create index if not exists taken_by on taken (what, who, at);
"""


class Tally:
    """Counts of what each user did, by kind and time.

    Parameters
    ----------
    file
        Path of the counts; the file is created at first use and is private to its owner.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of_this_server(cls) -> Tally:
        """The tally that the processes of this machine's server share."""
        return cls(Path(AIRFLOW_HOME) / "settlement-console.db")

    def take(self, what: str, who: str, amount: int, most: int, since: float) -> int | None:
        """Count `amount` more and return a ticket; return None when there would be more than `most` since a moment."""
        with self._opened() as db:
            return None if _taken(db, what, who, since) + amount > most else _add(db, what, who, amount)

    def count(self, what: str, who: str, since: float) -> tuple[int, int]:
        """Count one more without a limit, and return a ticket and the number since a moment."""
        with self._opened() as db:
            ticket = _add(db, what, who, 1)
            return ticket, _taken(db, what, who, since)

    def give_back(self, ticket: int) -> None:
        """Remove the count that a ticket stands for."""
        with self._opened() as db:
            db.execute("delete from taken where rowid = ?", (ticket,))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """An exclusive transaction: of two processes that count at once, the second sees the count of the first."""
        os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(self._file, timeout=_BUSY_SECONDS, isolation_level=None)) as db:
            db.execute("pragma synchronous = off")  # counts of a minute need not survive a power cut
            db.execute("begin immediate")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                db.execute(statement)
            try:
                yield db
            except BaseException:
                db.execute("rollback")
                raise
            db.execute("commit")


def _taken(db: sqlite3.Connection, what: str, who: str, since: float) -> int:
    query = "select coalesce(sum(amount), 0) from taken where what = ? and who = ? and at >= ?"
    return int(db.execute(query, (what, _key(who), since)).fetchone()[0])


def _add(db: sqlite3.Connection, what: str, who: str, amount: int) -> int:
    now = time.time()
    db.execute("delete from taken where at < ?", (now - _KEPT_SECONDS,))
    return int(db.execute("insert into taken values (?, ?, ?, ?)", (what, _key(who), now, amount)).lastrowid or 0)


def _key(who: str) -> str:
    """The digest of a name; names are not stored, as people type passwords into the name's field."""
    return hashlib.sha256(who.encode("utf-8", "replace")).hexdigest()
