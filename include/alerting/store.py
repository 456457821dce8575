"""The store of deliveries: which message goes to which sink, what was sent when, and with what answer.

It is a small SQL database, in which a delivery is one quick transaction: a schema of its own in the database of the
lake's catalog, or a SQLite file beside it.

Messages that wait for one sink are sent together, as a *parcel*. Which messages a parcel holds is written down before
it is sent the first time, and never changes: its key stays the same however often it is sent, so that a repetition,
which only a lost answer brings about, is recognised by whoever gets it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

import sqlalchemy as sa

from include.alerting.messages import WRITTEN_KINDS, Message, MessageKind
from include.lake.sql_store import SqlStore, UtcTime
from include.publish.digest import combined_digest
from include.settings import Settings

FIRST_PAUSE = timedelta(minutes=5)
"""Pause after a first failure: one run of the DAG that sends."""
LONGEST_PAUSE = timedelta(hours=1)
"""Longest pause between two tries: within an hour of a sink's return everything is there."""
MOST_TOGETHER = 10
"""Most messages of a parcel: five findings each of some 500 characters stay below the 40,000 that Slack takes."""
_ANSWER_LENGTH = 300


_METADATA = sa.MetaData()
_MESSAGES = sa.Table(
    "messages",
    _METADATA,
    sa.Column("message_key", sa.String(32), primary_key=True),
    sa.Column("settlement_date", sa.Date, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("codes", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("seen_at", UtcTime, nullable=False),
)
_PARCELS = sa.Table(
    "parcels",
    _METADATA,
    sa.Column("parcel_key", sa.String(32), primary_key=True),
    sa.Column("sink", sa.String(63), nullable=False, index=True),
    sa.Column("made_at", UtcTime, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("is_up", sa.Boolean, nullable=False),
    sa.Column("sent_at", UtcTime),
    sa.Column("answered_at", UtcTime),
    sa.Column("answer", sa.Text),
)
_DELIVERIES = sa.Table(
    "deliveries",
    _METADATA,
    sa.Column("message_key", sa.String(32), sa.ForeignKey(_MESSAGES.c.message_key), primary_key=True),
    sa.Column("sink", sa.String(63), primary_key=True),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("parcel_key", sa.String(32), sa.ForeignKey(_PARCELS.c.parcel_key)),
    sa.Column("dropped_at", UtcTime),
)


@dataclass(frozen=True)
class Answer:
    """What became of one try to send a parcel.

    Attributes
    ----------
    is_taken
        Whether the sink has it.
    is_up
        Whether the sink answered at all; what one that did refuses need not hold up the rest.
    text
        The sink's own words, or what went wrong, for people.
    """

    is_taken: bool
    is_up: bool
    text: str


@dataclass(frozen=True)
class Parcel:
    """Messages that are sent to one sink as one.

    Attributes
    ----------
    key
        Name of the parcel, the same at each try.
    sink
        Name of the sink.
    messages
        The messages, the most urgent and then the newest night first.
    """

    key: str
    sink: str
    messages: tuple[Message, ...]


class AlertStore:
    """The deliveries of one lake's messages."""

    def __init__(self, store: SqlStore, identity: str) -> None:
        self._store = store
        self._identity = identity

    @classmethod
    def open(cls, lake_uri: str, identity: str, settings: Settings) -> Self:
        """The store beside a lake's catalog, which is made where there is none.

        Parameters
        ----------
        lake_uri
            Address of the lake.
        identity
            Identity of the lake, which tells its parcels from those of other lakes.
        settings
            Settings with the catalog and the namespace.
        """
        return cls(SqlStore.open(lake_uri, settings, _METADATA, schema="alerting", file="alerts"), identity)

    def take(self, routed: Sequence[tuple[Message, Mapping[str, datetime]]], now: datetime) -> int:
        """Remember messages that are new, with the sinks that they go to and from when on; gives how many were new.

        Parameters
        ----------
        routed
            Messages, each with its sinks by name and the time from which on it may be sent there. Of a night they are
            all that its outbox says now.
        now
            The present time.
        """
        with self._store.write() as connection:
            known = self._known(connection, [message.key for message, _ in routed])
            fresh = [(message, sinks) for message, sinks in routed if message.key not in known]
            for message, sinks in fresh:
                connection.execute(
                    sa.insert(_MESSAGES), {**message.as_row(), "codes": json.dumps(message.codes), "seen_at": now}
                )
                for sink, due in sinks.items():
                    row = {"message_key": message.key, "sink": sink, "due_at": due}
                    connection.execute(sa.insert(_DELIVERIES), row)
            self._keep_to(connection, [message for message, _ in routed], now)
        return len(fresh)

    def known(self, keys: Iterable[str]) -> set[str]:
        """Those of some keys under which there is a message."""
        with self._store.read() as connection:
            return self._known(connection, keys)

    def last_content(self, kind: MessageKind, codes: Sequence[str]) -> Mapping[str, Any] | None:
        """The content of the newest message of a kind and codes; None where there is none."""
        query = sa.select(_MESSAGES.c.content).where(
            _MESSAGES.c.kind == kind, _MESSAGES.c.codes == json.dumps([*codes])
        )
        with self._store.read() as connection:
            content = connection.scalar(query.order_by(_MESSAGES.c.seen_at.desc()).limit(1))
        return None if content is None else dict(json.loads(content))

    def _known(self, connection: sa.Connection, keys: Iterable[str]) -> set[str]:
        found = connection.scalars(sa.select(_MESSAGES.c.message_key).where(_MESSAGES.c.message_key.in_([*keys])))
        return set(found)

    def _keep_to(self, connection: sa.Connection, messages: Sequence[Message], now: datetime) -> None:
        """Drop what waits of messages that their nights no longer say, and take back what they say again.

        A night may be played again before its message is sent, and once more to what it said first.
        """
        written = [message for message in messages if message.kind in WRITTEN_KINDS]
        keys, waits = [message.key for message in written], _DELIVERIES.c.parcel_key.is_(None)
        replaced = sa.select(_MESSAGES.c.message_key).where(
            _MESSAGES.c.settlement_date.in_({message.night for message in written}),
            _MESSAGES.c.kind.in_([kind.value for kind in WRITTEN_KINDS]),
            _MESSAGES.c.message_key.not_in(keys),
        )
        for which, dropped in (
            (_DELIVERIES.c.message_key.in_(replaced), now),
            (_DELIVERIES.c.message_key.in_(keys), None),
        ):
            connection.execute(sa.update(_DELIVERIES).where(which, waits).values(dropped_at=dropped))

    def due_sinks(self, now: datetime) -> list[str]:
        """The sinks for which something may be sent now."""
        waiting = sa.select(_DELIVERIES.c.sink).where(*_waits(now))
        unsent = sa.select(_PARCELS.c.sink).where(_PARCELS.c.sent_at.is_(None), _PARCELS.c.due_at <= now)
        with self._store.read() as connection:
            return sorted(set(connection.scalars(sa.union(waiting, unsent))))

    def next_parcel(self, sink: str, now: datetime) -> Parcel | None:
        """The parcel to be sent next to a sink; None where nothing is due.

        What was tried before comes first. While the sink does not answer, what is new waits, and is sent as one parcel
        once it does.
        """
        unsent = (_PARCELS.c.sink == sink, _PARCELS.c.sent_at.is_(None))
        with self._store.write() as connection:
            oldest = sa.select(_PARCELS.c.parcel_key).where(*unsent, _PARCELS.c.due_at <= now)
            key = connection.scalar(oldest.order_by(_PARCELS.c.made_at).limit(1))
            if key is None:
                down = sa.select(sa.func.count()).select_from(_PARCELS).where(*unsent, ~_PARCELS.c.is_up)
                key = None if connection.scalar(down) else self._new_parcel(connection, sink, now)
            return None if key is None else Parcel(key, sink, self._messages_of(connection, key))

    def _new_parcel(self, connection: sa.Connection, sink: str, now: datetime) -> str | None:
        waiting = (_DELIVERIES.c.sink == sink, *_waits(now))
        oldest = sa.select(_DELIVERIES.c.message_key).where(*waiting).order_by(_DELIVERIES.c.due_at)
        keys = sorted(connection.scalars(oldest.limit(MOST_TOGETHER)))
        if not keys:
            return None
        key = combined_digest([self._identity, sink, *keys])[:32]
        made = {"parcel_key": key, "sink": sink, "made_at": now, "due_at": now, "attempts": 0, "is_up": True}
        connection.execute(sa.insert(_PARCELS), made)
        mine = (_DELIVERIES.c.sink == sink, _DELIVERIES.c.message_key.in_(keys))
        connection.execute(sa.update(_DELIVERIES).where(*mine).values(parcel_key=key))
        return key

    def _messages_of(self, connection: sa.Connection, key: str) -> tuple[Message, ...]:
        joined = _MESSAGES.join(_DELIVERIES, _MESSAGES.c.message_key == _DELIVERIES.c.message_key)
        rows = connection.execute(sa.select(_MESSAGES).select_from(joined).where(_DELIVERIES.c.parcel_key == key))
        found = [Message.from_row({**row, "codes": json.loads(row["codes"])}) for row in rows.mappings()]
        return tuple(sorted(found, key=lambda each: (-each.severity.level, -each.night.toordinal(), each.kind)))

    def record(self, parcel: Parcel, answer: Answer, now: datetime) -> None:
        """Keep what became of a try to send a parcel; where it was not taken, it is due again after a pause."""
        mine = _PARCELS.c.parcel_key == parcel.key
        with self._store.write() as connection:
            attempts = (connection.scalar(sa.select(_PARCELS.c.attempts).where(mine)) or 0) + 1
            said = {"attempts": attempts, "is_up": answer.is_up, "answer": answer.text[:_ANSWER_LENGTH]}
            outcome = {"sent_at": now} if answer.is_taken else {"due_at": now + _pause(attempts)}
            connection.execute(sa.update(_PARCELS).where(mine).values(**said, **outcome, answered_at=now))

    def told(self, night: date) -> list[dict[str, Any]]:
        """What became of a night's messages: one row for each message and sink.

        Returns
        -------
        list of dict
            `kind`, `severity`, `sink`, `attempts`, `sent_at`, `dropped_at`, `answered_at`, `answer`, `parcel_key`.
        """
        joined = _MESSAGES.join(_DELIVERIES, _MESSAGES.c.message_key == _DELIVERIES.c.message_key)
        joined = joined.outerjoin(_PARCELS, _DELIVERIES.c.parcel_key == _PARCELS.c.parcel_key)
        query = sa.select(
            _MESSAGES.c.kind,
            _MESSAGES.c.severity,
            _DELIVERIES.c.sink,
            sa.func.coalesce(_PARCELS.c.attempts, 0).label("attempts"),
            _PARCELS.c.sent_at,
            _DELIVERIES.c.dropped_at,
            _PARCELS.c.answered_at,
            _PARCELS.c.answer,
            _DELIVERIES.c.parcel_key,
        ).select_from(joined)
        of_night = query.where(_MESSAGES.c.settlement_date == night).order_by(_MESSAGES.c.seen_at, _DELIVERIES.c.sink)
        with self._store.read() as connection:
            return [dict(row) for row in connection.execute(of_night).mappings()]


def _waits(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (_DELIVERIES.c.parcel_key.is_(None), _DELIVERIES.c.dropped_at.is_(None), _DELIVERIES.c.due_at <= now)


def _pause(attempts: int) -> timedelta:
    """The pause after so many failures, twice as long after each."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempts - 1, 10)))
