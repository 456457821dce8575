"""Makes the messages of a night from what it publishes: one of the night, and one of drift and of performance.

A message holds counts and codes. The findings that it tells are looked up in the queue when it is sent, so that the
outbox holds nothing of a client, and what was erased in between is not told.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Self

import pyarrow as pa

from include.alerting.tables import OUTBOX_SCHEMA
from include.publish.digest import combined_digest

MOST_TOLD = 5
"""Findings of a message that are told one by one: what a telephone shows without scrolling; the queue has all."""

Tables = Mapping[str, pa.Table]
Row = Mapping[str, Any]


class MessageKind(StrEnum):
    """What a message is about: three are written by a night, two found by the clock, and one is somebody's digest."""

    NIGHT = "night"
    DRIFT = "drift"
    PERFORMANCE = "performance"
    STOPPED = "stopped"
    MISSED = "missed"
    DIGEST = "digest"


WRITTEN_KINDS = (MessageKind.NIGHT, MessageKind.DRIFT, MessageKind.PERFORMANCE)
"""Kinds that a night writes into its outbox."""


class Severity(StrEnum):
    """How urgent a message is, the least urgent first."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def level(self) -> int:
        """The place in the order of urgency."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Message:
    """One message, before anybody is chosen to get it.

    Attributes
    ----------
    night
        Settlement date that it is about.
    kind, severity
        What it is about, and how urgent it is.
    codes
        Checks, reasons and notices that it is about.
    content
        The counts that it tells, as JSON has them; no identifier and no sentence.
    key
        Name of the message, by which a repetition is recognised.
    """

    night: date
    kind: MessageKind
    severity: Severity
    codes: tuple[str, ...]
    content: Mapping[str, Any]
    key: str

    @classmethod
    def of(
        cls,
        night: date,
        kind: MessageKind,
        severity: Severity,
        codes: tuple[str, ...],
        content: Mapping[str, Any],
        findings: tuple[Row, ...] = (),
    ) -> Self:
        """A message with the key that its content gives it, and the `findings` of the queue that it tells."""
        said = [f"{row['finding_id']} {row['severity']} {row['code']} {row['masked_text']}" for row in findings]
        parts = [night.isoformat(), kind, severity, *codes, json.dumps(content, sort_keys=True), *said]
        return cls(night, kind, severity, codes, content, combined_digest(parts)[:32])

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The message in a row of the outbox."""
        return cls(
            night=row["settlement_date"],
            kind=MessageKind(row["kind"]),
            severity=Severity(row["severity"]),
            codes=tuple(row["codes"]),
            content=json.loads(row["content"]),
            key=row["message_key"],
        )

    def as_row(self) -> dict[str, Any]:
        """The message as a row of the outbox."""
        return {
            "settlement_date": self.night,
            "message_key": self.key,
            "kind": self.kind.value,
            "severity": self.severity.value,
            "codes": [*self.codes],
            "content": json.dumps(self.content, sort_keys=True),
        }


def outbox_of(night: date, published: Tables, counts: Mapping[str, int]) -> pa.Table:
    """The messages of a night.

    Parameters
    ----------
    night
        The settlement date.
    published
        Outputs of the night: `alerts`, `anomaly_scores` and `settlement_breaks` as they are published.
    counts
        Counts of the night's transactions by outcome, in rows and cents, by their names in the manifest.

    Returns
    -------
    pyarrow.Table
        Rows of `OUTBOX_SCHEMA`.
    """
    queue = published["alerts"].sort_by("rank").to_pylist()
    told = [_of_night(night, queue, published, counts), *_of_notices(night, queue)]
    return pa.Table.from_pylist([message.as_row() for message in told], schema=OUTBOX_SCHEMA)


def told_in(kind: MessageKind, queue: Sequence[Row]) -> tuple[Row, ...]:
    """The findings of a night's queue, which is in its order, that a message tells one by one."""
    return tuple((queue if kind == MessageKind.NIGHT else _notices(kind, queue))[:MOST_TOLD])


def _notices(kind: MessageKind, queue: Sequence[Row]) -> list[Row]:
    return [row for row in queue if row["kind"] == kind]


def _of_night(night: date, queue: list[Row], published: Tables, counts: Mapping[str, int]) -> Message:
    breaks = dict(sorted(Counter(published["settlement_breaks"]["check_code"].to_pylist()).items()))
    flagged = _flagged(queue)
    content = {**counts, "breaks": breaks, "flagged": flagged, "findings": len(queue)}
    codes = tuple(sorted({row["code"] for row in queue}))
    told = told_in(MessageKind.NIGHT, queue)
    return Message.of(night, MessageKind.NIGHT, _severity(queue, counts), codes, content, told)


def _flagged(queue: list[Row]) -> dict[str, int]:
    """The number of flagged postings by strongest reason; a row of the queue may stand for many of them."""
    found: Counter[str] = Counter()
    for row in queue:
        if row["kind"] == "score":
            found[row["code"]] += row["postings"] or 1
    return dict(sorted(found.items()))


def _severity(queue: list[Row], counts: Mapping[str, int]) -> Severity:
    if any(row["severity"] == "error" for row in queue):
        return Severity.ERROR
    refused = counts["quarantined_rows"] + counts["unreadable_rows"]
    return Severity.WARN if queue or refused else Severity.INFO


def _of_notices(night: date, queue: list[Row]) -> list[Message]:
    """One message for the night's notices of drift and one for those of performance, where it has any.

    The monitoring itself tells a lasting signal once a month, so that nothing here has to remember what is open.
    """
    found = []
    for kind in (MessageKind.DRIFT, MessageKind.PERFORMANCE):
        rows = _notices(kind, queue)
        if rows:
            codes = tuple(sorted({row["code"] for row in rows}))
            found.append(Message.of(night, kind, Severity.WARN, codes, {"notices": len(rows)}, told_in(kind, queue)))
    return found
