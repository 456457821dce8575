"""A source in a database: the bank's relations as tables, all read from one snapshot, typed as files are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from types import TracebackType
from typing import Self

import pyarrow as pa
from sqlalchemy.engine import URL, Connection

from include.databases.terms import STRICT, ServerTerms
from include.databases.tls import has_no_network, public_uri
from include.relations import STATIC_RELATIONS
from include.sources.address import NOTHING_DECLARED, Declared
from include.sources.base import Extract
from include.sources.database.address import parse_url
from include.sources.database.link import Way, close, connect, reported
from include.sources.database.patience import Patience
from include.sources.database.reading import Reading
from include.sources.database.relation_tables import find_tables
from include.sources.database.rights import warn_of_rights
from include.sources.database.zones import count_days_in
from include.sources.dialects import CANONICAL


def open_database(uri: str, declared: Declared = NOTHING_DECLARED, terms: ServerTerms = STRICT) -> DatabaseSource:
    """The bank's relations in a database, to be used as a context manager.

    Tables and columns are found by their canonical names (`fin_disp` and `fin_trans` will do).

    Parameters
    ----------
    uri
        SQLAlchemy's URL, its parameters those that `database_address` allows; `options=-csearch_path%3Dbank` chooses a
        schema.
    declared
        Declarations in the address; without a rounding it is one unit of the last money digit of all transactions.
    terms
        What is asked of the server, and how long it may say nothing.

    Raises
    ------
    SettingsError
        When the URL cannot be read, there is no driver for it, or it asks for less TLS than the terms do.
    """
    return DatabaseSource(parse_url(uri), declared, terms)


class DatabaseSource:
    """The bank's relations as the tables of one database.

    Everything between `__enter__` and `__exit__` is read in one read-only transaction that sees one moment, and is
    compared with the rows and the amount that the database itself counts in it.

    Attributes
    ----------
    uri
        The address without user, password, driver and parameters.
    """

    def __init__(self, url: URL, declared: Declared, terms: ServerTerms = STRICT) -> None:
        self.uri = public_uri(url)
        self._declared = declared
        self._url = url
        self._way = Way.of(url, terms)
        self._patience = Patience(self.uri, terms.timeout_seconds)
        self._reading: Reading | None = None

    @property
    def rounding_cents(self) -> int:
        """Declared, else one unit of the last money digit of all transactions, which only the snapshot can tell."""
        if self._declared.rounding_cents is not None:
            return self._declared.rounding_cents
        with self._asked():
            return self._open.rounding_cents

    @property
    def holidays(self) -> str | None:
        """Code of the calendar of bank holidays that the address declares."""
        return self._declared.holidays

    def static(self, name: str) -> Extract | None:
        """The snapshot of one static relation, or None when the database has no table of it."""
        if name not in STATIC_RELATIONS:
            raise KeyError(f"{name!r} is not a static relation: choose one of {', '.join(STATIC_RELATIONS)}")
        with self._asked():
            return self._open.static(name)

    def night(self, night: date) -> Extract:
        """The transactions counted on one settlement date."""
        with self._asked():
            return self._open.transactions(night, night)

    def history(self, before: date, since: date | None = None) -> Extract:
        """All transactions counted on dates in [since, before)."""
        with self._asked():
            return self._open.transactions(since or date.min, _day_before(before))

    def totals(self, before: date) -> pa.Table:
        """`TOTALS` of every settlement date before `before`."""
        with self._asked():
            return self._open.totals(_day_before(before))

    def span(self) -> tuple[date, date] | None:
        """First and last settlement date, or None when there are no transactions."""
        with self._asked():
            return self._open.nights.span

    def __enter__(self) -> Self:
        if self._reading is not None:
            raise RuntimeError(f"{self.uri} is already being read: leave the one `with` before the next")
        connection = connect(self._way, self._patience)
        try:
            with self._asked():
                self._reading = self._first_look(connection)
        except BaseException:
            close(connection, self._patience)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close(self._open.connection, self._patience)
        self._reading = None

    def _first_look(self, connection: Connection) -> Reading:
        zone = self._declared.zone
        tables = find_tables(connection, self.uri, CANONICAL.in_zone(zone))
        count_days_in(zone, tables.values(), connection)
        # Over a socket comes who owns the server.
        if not has_no_network(self._url):
            warn_of_rights(connection, tables.values(), self.uri)
        return Reading(connection, tables, self._patience.heard)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Bound how long an answer takes, and turn a database's errors into the night's."""
        with reported(self._url), self._patience.limit():
            yield

    @property
    def _open(self) -> Reading:
        if self._reading is None:
            raise RuntimeError("a database is read inside `with`: there is no snapshot outside of it")
        return self._reading


def _day_before(day: date) -> date:
    return date.fromordinal(max(day.toordinal() - 1, 1))
