"""Drains the outbox: takes in what is new, and sends to a sink what is due for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self, TypedDict

from include.alerting.clock import clock_messages
from include.alerting.letter import Letter, letter_of, nights_told
from include.alerting.messages import Message
from include.alerting.routing import due_at, sinks_of
from include.alerting.store import AlertStore, Answer
from include.lake import Lake
from include.settings import Settings

Send = Callable[[Letter], Answer]
"""A sink: sends a letter and says what became of it. It does not raise where the sink is at fault."""

FRESH_DAYS = 7
"""Days after its publication in which a night is news: when messages are first sent, the past is not told."""


class Delivered(TypedDict):
    """What a task of one sink came to."""

    sent: int
    kept: int
    answer: str | None


@dataclass(frozen=True)
class AlertDrain:
    """The messages of one lake on their way out.

    Attributes
    ----------
    lake
        The lake.
    store
        Its deliveries.
    settings
        Settings with sinks, routes and links.
    """

    lake: Lake
    store: AlertStore
    settings: Settings

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """The drain of a lake."""
        lake = Lake.open(lake_uri, settings)
        return cls(lake, AlertStore.open(lake_uri, lake.identity, settings), settings)

    def collect(self, now: datetime, failed: Iterable[date]) -> list[str]:
        """Take in what the outbox and the clock have to tell; gives the names of the sinks for which something is due.

        Parameters
        ----------
        now
            The present time (UTC).
        failed
            Settlement dates of which a run failed lately.
        """
        told = nights_told(self.lake, now.date() - timedelta(days=FRESH_DAYS))
        told += clock_messages(now, self._published(), failed, self.settings.alert_publish_hour)
        self.store.take([(message, sinks_of(message, self.settings, now)) for message in told], now)
        return [name for name in self.store.due_sinks(now) if name in self.settings.alert_sinks]

    def address(self, messages: Iterable[tuple[Message, str]], now: datetime) -> int:
        """Take in messages that each go to one sink, whatever the routes say; gives how many were new.

        Parameters
        ----------
        messages
            Messages, each with the name of its sink.
        now
            The present time (UTC).
        """
        sinks = self.settings.alert_sinks
        return self.store.take([(each, {name: due_at(each, sinks[name], now)}) for each, name in messages], now)

    def _published(self) -> Collection[date]:
        return frozenset(self.lake.manifest()["settlement_date"].to_pylist())

    def deliver(self, sink: str, send: Send, now: Callable[[], datetime]) -> Delivered:
        """Send what is due for a sink, until it does not answer.

        Parameters
        ----------
        sink
            Name of the sink.
        send
            The sink.
        now
            Gives the present time (UTC); each try is recorded at its own.

        Returns
        -------
        Delivered
            Numbers of parcels that were sent and kept, and the last answer.
        """
        found: Delivered = {"sent": 0, "kept": 0, "answer": None}
        while parcel := self.store.next_parcel(sink, now()):
            answer = send(letter_of(parcel, self.lake, self.settings.alert_finding_link))
            self.store.record(parcel, answer, now())
            found["sent" if answer.is_taken else "kept"] += 1
            found["answer"] = answer.text
            if not answer.is_up:
                break
        return found
