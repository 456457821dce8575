"""The audit log: who looked at which account, exported what, decided what.

It only grows: the database refuses changes and removals, each entry carries a keyed digest of itself and of the entry
before it, and the number of entries is kept beside the key.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import sqlalchemy as sa

from include.cases.store import FILE, SCHEMA, open_store, writing
from include.cases.tables import AUDIT, METADATA, Row
from include.errors import SettlementError
from include.lake.identity import identity_of
from include.lake.sql_store import SqlStore
from include.masking.keys import NameKeyStore
from include.security.anchors import Anchors
from include.settings import Settings

RECORD = "audit"
"""Name under which the number of entries is kept beside the key."""
FAILED = "failed"
"""What somebody did last on a subject came to nothing, through no fault of theirs."""
_LOG = logging.getLogger(__name__)
_BATCH = 10_000
LISTED = "listed"
"""Action of an entry on a list of accounts that was shown."""
REPEATED = timedelta(minutes=1)
"""Time in which a list that is shown again, as open pages refresh themselves, is not written again. A decision."""
_LOOKED_THROUGH = 200
"""Newest entries among which a repetition is looked for: what some ten people do in a minute."""
_LISTED_DIGITS = 12
"""Digits by which a list names an account: of 10^8 accounts in lists, another one is taken for it once in a million."""


@dataclass(frozen=True)
class AuditEntry:
    """One entry of the log.

    Attributes
    ----------
    number
        Its place, from 1.
    at, who, action
        When somebody did what: `viewed`, `listed`, `exported`, `unsealed`, `claimed`, `decided` and so on.
    subject
        Opaque id of what it was about: a case, a finding, a night; empty for none.
    account
        Keyed digest of the account that it was about; empty for none.
    detail
        Further facts, without identifiers.
    digest
        Keyed digest of the entry and of the digest before it.
    """

    number: int
    at: datetime
    who: str
    action: str
    subject: str
    account: str
    detail: Mapping[str, Any]
    digest: str


class AuditChain:
    """Writes entries, each with a keyed digest of itself and of the entry before it.

    Parameters
    ----------
    key
        Key of the digests.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def append(
        self,
        connection: sa.Connection,
        who: str,
        action: str,
        subject: str,
        now: datetime,
        *,
        account: int | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> int:
        """Add an entry within a transaction of `include.cases.store.writing`, and give its number."""
        newest = sa.select(AUDIT.c.number, AUDIT.c.digest).order_by(AUDIT.c.number.desc()).limit(1)
        last = connection.execute(newest).first()
        number = (last.number if last else 0) + 1
        row = {
            "number": number,
            "at": now.astimezone(UTC),
            "who": who,
            "action": action,
            "subject": subject,
            "account": "" if account is None else self.digest_of(account),
            "detail": json.dumps(dict(detail or {}), sort_keys=True, default=str),
        }
        connection.execute(sa.insert(AUDIT), {**row, "digest": self._digest(row, last.digest if last else "")})
        return number

    def digest_of(self, account: int) -> str:
        """The keyed digest by which the log names an account."""
        return hmac.digest(self._key, f"account {account}".encode(), "sha256")[:16].hex()

    def _digest(self, row: Row, before: str) -> str:
        said = [row["number"], row["at"].isoformat(), *(row[name] for name in _TEXTS), before]
        return hmac.digest(self._key, json.dumps(said).encode(), "sha256").hex()

    def faults(self, rows: Iterable[Row]) -> Iterator[str]:
        """A sentence on each entry, in their order, that is not as it was written, and on gaps between them."""
        before, expected = "", 1
        for row in rows:
            if row["number"] > expected:
                yield f"audit: {_span(expected, row['number'] - 1)} missing"
            elif not hmac.compare_digest(row["digest"], self._digest(row, before)):
                yield f"audit: entry {row['number']} is not as it was written"
            before, expected = row["digest"], row["number"] + 1


_TEXTS = ("who", "action", "subject", "account", "detail")


def _span(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


class AuditLog:
    """The audit log of one lake."""

    def __init__(self, store: SqlStore, chain: AuditChain, lake: str, anchors: Anchors) -> None:
        self._store = store
        self.chain = chain
        self._lake = lake
        self._anchors = anchors

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """The log beside a lake's catalog, which is made where there is none.

        Raises
        ------
        IntegrityError
            When the lake's keys cannot be used.
        """
        return cls._over(open_store(lake_uri, settings), lake_uri, settings)

    @classmethod
    def _over(cls, store: SqlStore, lake_uri: str, settings: Settings) -> Self:
        names = NameKeyStore.open(lake_uri, settings)
        keys = names.find() or names.get(has_nights=False)
        return cls(
            store, AuditChain(keys.lasting_key("audit")), identity_of(lake_uri, settings), Anchors.open(settings)
        )

    def record(
        self,
        who: str,
        action: str,
        subject: str,
        now: datetime,
        *,
        account: int | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> int:
        """Add an entry, and give its number.

        Parameters
        ----------
        who, action, subject, now
            As in `AuditEntry`.
        account
            Number of the account that it is about; only its keyed digest is kept.
        detail
            Further facts, as JSON has them; no identifier of a person, an account or a posting.
        """
        with writing(self._store) as connection:
            number = self.chain.append(connection, who, action, subject, now, account=account, detail=detail)
        self.anchor(number)
        return number

    def record_first(
        self, who: str, action: str, subject: str, now: datetime, *, account: int, since: datetime
    ) -> AuditEntry | None:
        """Add an entry unless somebody did the same since a moment, and give theirs; None where it was added.

        Of several who act at once one is the first. What was recorded as `FAILED` since does not count.
        """
        with writing(self._store) as connection:
            before = connection.execute(self._latest(action, subject, account, since)).mappings().first()
            if before is not None and before["action"] == action:
                return _entry(before)
            number = self.chain.append(connection, who, action, subject, now, account=account)
        self.anchor(number)
        return None

    def _latest(self, action: str, subject: str, account: int, since: datetime) -> sa.Select[Any]:
        return (
            sa.select(AUDIT)
            .where(AUDIT.c.account == self.chain.digest_of(account), AUDIT.c.subject == subject, AUDIT.c.at >= since)
            .where(AUDIT.c.action.in_([action, FAILED]))
            .order_by(AUDIT.c.number.desc())
            .limit(1)
        )

    def record_list(
        self, who: str, subject: str, now: datetime, *, rows: int, accounts: Collection[int], detail: Mapping[str, Any]
    ) -> None:
        """Add one entry for a list of accounts that somebody is shown.

        Where the same list was written within `REPEATED`, with these accounts among its own, nothing is added.

        Parameters
        ----------
        who, now
            Who is shown the list, and when.
        subject
            What is listed, such as `queue`.
        rows
            Number of its rows.
        accounts
            Numbers of the accounts in it; only the beginnings of their keyed digests are kept.
        detail
            What tells the list from others: its filter and its page, without identifiers.
        """
        names = {self._listed_name(account) for account in accounts}
        if self._is_repeated(who, subject, now, names, detail):
            return
        told = {**detail, "rows": rows, "accounts": " ".join(sorted(names))}
        self.record(who, LISTED, subject, now, detail=told)

    def _listed_name(self, account: int) -> str:
        return self.chain.digest_of(account)[:_LISTED_DIGITS]

    def _is_repeated(self, who: str, subject: str, now: datetime, names: set[str], detail: Mapping[str, Any]) -> bool:
        newest = sa.select(AUDIT).order_by(AUDIT.c.number.desc()).limit(_LOOKED_THROUGH).subquery()
        mine = (newest.c.who == who, newest.c.action == LISTED, newest.c.subject == subject)
        with self._store.read() as connection:
            rows = connection.scalars(sa.select(newest.c.detail).where(*mine, newest.c.at > now - REPEATED))
            told = [json.loads(row) for row in rows]
        return any(detail.items() <= each.items() and names <= _listed_in(each) for each in told)

    def anchor(self, number: int) -> None:
        """Keep the number of entries beside the key; where that fails, the next entry makes up for it."""
        try:
            self._anchors.advance(self._lake, {RECORD: number})
        except SettlementError as error:
            _LOG.warning("the number of audit entries could not be kept beside the key: %s", error)

    def entries(self, first: int = 1, last: int | None = None) -> Iterator[AuditEntry]:
        """Entries by their numbers, the oldest first."""
        bound = AUDIT.c.number <= last if last is not None else sa.true()
        return (_entry(row) for row in self._rows(AUDIT.c.number >= first, bound))

    def entries_about(self, account: int) -> Iterator[AuditEntry]:
        """Entries about one account, and those on lists that it stood in, the oldest first."""
        digest, name = self.chain.digest_of(account), self._listed_name(account)
        is_listed = sa.and_(AUDIT.c.action == LISTED, AUDIT.c.detail.contains(name))
        found = map(_entry, self._rows(sa.or_(AUDIT.c.account == digest, is_listed)))
        return (entry for entry in found if entry.account == digest or name in _listed_in(entry.detail))

    def faults(self) -> list[str]:
        """A sentence on each entry that is not as it was written, and on entries that are missing."""
        found = [*self.chain.faults(self._rows())]
        return found + _cut(self._anchors.counter(self._lake, RECORD), self._count())

    def _count(self) -> int:
        with self._store.read() as connection:
            return connection.scalar(sa.select(sa.func.max(AUDIT.c.number))) or 0

    def _rows(self, *wanted: sa.ColumnElement[bool]) -> Iterator[Row]:
        query = sa.select(AUDIT).where(*wanted).order_by(AUDIT.c.number)
        with self._store.read() as connection:
            yield from connection.execution_options(yield_per=_BATCH).execute(query).mappings()


def audit_entries(lake_uri: str, settings: Settings, account: int | None = None) -> Iterator[AuditEntry]:
    """The entries of a lake's audit log, the oldest first: those about an account, or all when None."""
    store = SqlStore.find(lake_uri, settings, METADATA, schema=SCHEMA, file=FILE)
    if store is None:
        return iter(())
    log = AuditLog._over(store, lake_uri, settings)
    return log.entries() if account is None else log.entries_about(account)


def audit_faults(lake_uri: str, settings: Settings) -> list[str]:
    """What is wrong with a lake's audit log, as sentences; nothing is made where there is none."""
    store = SqlStore.find(lake_uri, settings, METADATA, schema=SCHEMA, file=FILE)
    if store is not None:
        return AuditLog._over(store, lake_uri, settings).faults()
    return _cut(Anchors.open(settings).counter(identity_of(lake_uri, settings), RECORD), 0)


def _listed_in(detail: Mapping[str, Any]) -> set[str]:
    return {*str(detail.get("accounts", "")).split()}


def _cut(kept: int, found: int) -> list[str]:
    if found >= kept:
        return []
    return [
        f"audit: {_span(found + 1, kept)} missing at the end: restore the database of cases from a backup that has them"
    ]


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(**{**row, "detail": json.loads(row["detail"])})
