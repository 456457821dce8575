"""Words a parcel, masked: a subject, a text for people, the same as JSON for programs, links by finding id."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from include.alerting.messages import Message, MessageKind, told_in
from include.alerting.store import Parcel
from include.alerting.tables import OUTBOX
from include.lake import Lake

Row = Mapping[str, Any]

_REPLAYED = "The night was played again since; what it found now is told in a later message."


@dataclass(frozen=True)
class Letter:
    """A parcel in words.

    Attributes
    ----------
    key
        Name of the parcel, the same at each try.
    subject
        One line.
    text
        Lines for people.
    data
        The same for programs, as JSON has it.
    """

    key: str
    subject: str
    text: str
    data: Mapping[str, Any]

    @property
    def html(self) -> str:
        """The text as a page."""
        return f'<pre style="font: inherit; white-space: pre-wrap">{html.escape(self.text)}</pre>'


def letter_of(parcel: Parcel, lake: Lake, finding_link: str) -> Letter:
    """Word a parcel.

    Parameters
    ----------
    parcel
        The parcel.
    lake
        The lake, whose queue has the masked sentences of the findings.
    finding_link
        Address of a finding's page with `{finding_id}` in it; no links when empty.
    """
    told = [_Told.of(message, lake, finding_link) for message in parcel.messages]
    first = told[0].title
    subject = first if len(told) == 1 else f"{first} (and {len(told) - 1} more)"
    parts = [*("\n".join(each.lines()) for each in told), f"Message {parcel.key}"]
    data = {"key": parcel.key, "messages": [each.as_dict() for each in told]}
    return Letter(parcel.key, subject, "\n\n".join(parts), data)


@dataclass(frozen=True)
class _Told:
    """A message with the findings that it tells; None where the night no longer says the same."""

    message: Message
    findings: tuple[dict[str, Any], ...] | None
    step: int

    @classmethod
    def of(cls, message: Message, lake: Lake, finding_link: str) -> _Told:
        if message.kind in (MessageKind.STOPPED, MessageKind.MISSED):
            return cls(message, (), 0)
        if message.kind == MessageKind.DIGEST:
            return cls(message, tuple(_linked(message.content, finding_link)), 0)
        night = message.night
        row = lake.published(night)
        if row is None or message.key not in lake.read(OUTBOX, night, night)["message_key"].to_pylist():
            return cls(message, None, 0)
        step = _amount_step(row)
        queue = lake.read("alerts", night, night).sort_by("rank").to_pylist()
        found = tuple(_finding(each, finding_link, step) for each in told_in(message.kind, queue))
        return cls(message, found, step)

    @property
    def title(self) -> str:
        night, content = self.message.night, self.message.content
        if self.message.kind == MessageKind.NIGHT:
            breaks, flagged = sum(content["breaks"].values()), sum(content["flagged"].values())
            refused = content["quarantined_rows"] + content["unreadable_rows"]
            return f"Night {night}: breaks {breaks:,}, flagged {flagged:,}, not let in {refused:,}"
        if self.message.kind == MessageKind.DIGEST:
            counts = ", ".join(f"{name} {content[name]['cases']:,}" for name in _GROUPS)
            return f"Queue of {content['who']} on {night + timedelta(days=1)}: {counts}"
        return f"Night {night}: {_TITLES[self.message.kind]}"

    def lines(self) -> Iterator[str]:
        yield f"{self.title}."
        yield from _SENTENCES.get(self.message.kind, ())
        if self.message.kind == MessageKind.NIGHT:
            yield from _counts(self.message.content, self.step)
        if self.message.kind == MessageKind.DIGEST:
            yield from _digest_lines(self.message.content, self.findings or ())
            return
        if self.findings is None:
            yield _REPLAYED
        for place, finding in enumerate(self.findings or (), start=1):
            yield f"{place}. {finding['severity']}, {finding['code']}: {finding['text'] or 'see the finding'}"
            if finding["link"]:
                yield f"   {finding['link']}"

    def as_dict(self) -> dict[str, Any]:
        message = self.message
        about = {"night": message.night.isoformat(), "kind": message.kind.value, "severity": message.severity.value}
        content = {name: _shown(name, value, self.step) for name, value in message.content.items()}
        found = None if self.findings is None else [*self.findings]
        return {"key": message.key, **about, "codes": [*message.codes], "counts": content, "findings": found}


_TITLES = {
    MessageKind.DRIFT: "what is usual for the bank drifts",
    MessageKind.PERFORMANCE: "the model does worse",
    MessageKind.STOPPED: "the run failed, and nothing was published",
    MessageKind.MISSED: "not published",
}
_SENTENCES: Mapping[MessageKind, Sequence[str]] = {
    MessageKind.STOPPED: (
        "Readers keep what they had. The Outcome tab of the run of nightly_settlement says what failed and what mends "
        "it; clear the run from the task that failed once it is mended.",
    ),
    MessageKind.MISSED: (
        "It should have been published by now, and no run of it failed. See in Airflow whether nightly_settlement is "
        "paused, waits or still runs; start the night with its date where there is no run.",
    ),
}


_GROUPS = {
    "new": "New since the digest before",
    "aged": "Open for a week of banking days or more",
    "overdue": "Open for two weeks or more",
}
"""What a digest tells, in its order."""


def _linked(content: Mapping[str, Any], link: str) -> Iterator[dict[str, Any]]:
    """The findings that a digest leads to, by id alone."""
    for name in _GROUPS:
        for finding_id in content[name]["findings"]:
            yield {"group": name, "finding_id": finding_id, "link": _link(link, finding_id)}


def _link(link: str, finding_id: str) -> str | None:
    return link.replace("{finding_id}", finding_id) if link else None


def _digest_lines(content: Mapping[str, Any], findings: Sequence[Row]) -> Iterator[str]:
    for name, title in _GROUPS.items():
        group = content[name]
        cases = "1 case" if group["cases"] == 1 else f"{group['cases']:,} cases"
        yield f"{title}: {cases}, {Decimal(group['money']):,.2f} at stake."
        yield from (f"   {each['link']}" for each in findings if each["group"] == name and each["link"])
    if not any(content[name]["cases"] for name in _GROUPS):
        yield "Nothing waits for you."


def _counts(content: Mapping[str, Any], step: int) -> Iterator[str]:
    rows = {name: content[f"{name}_rows"] for name in ("offered", "published", "quarantined", "unreadable")}
    yield "Records: " + ", ".join(f"{count:,} {name}" for name, count in rows.items()) + "."
    money = _shown("offered_cents", content["offered_cents"], step)
    yield f"Money offered: {money / 100:,.2f}."
    for title, name in (("Breaks", "breaks"), ("Flagged", "flagged")):
        if content[name]:
            yield f"{title}: " + ", ".join(f"{code} {count:,}" for code, count in content[name].items()) + "."
    if content["findings"]:
        yield f"In the queue: {content['findings']:,}. First in it:"


def _shown(name: str, value: Any, step: int) -> Any:  # noqa: ANN401 - counts, and counts by code
    """A count as masked readers see it: money in the installation's steps."""
    return round(value / (step * 100)) * step * 100 if step and name.endswith("_cents") else value


def _finding(row: Row, link: str, step: int) -> dict[str, Any]:
    """A finding as it may leave the house: no account, no posting; no sentence either where amounts are rounded."""
    kept = {name: row[name] for name in ("finding_id", "kind", "code", "severity")}
    text = None if step else html.unescape(row["masked_text"])
    return {**kept, "text": text, "link": _link(link, row["finding_id"])}


def _amount_step(row: Row) -> int:
    """The step that the night's masked tables round money to."""
    return int(json.loads(row["derived"] or "{}").get("amount_step", 0))


def nights_told(lake: Lake, first: date) -> list[Message]:
    """The messages in the outbox of the nights that were published from a date on."""
    fresh = [row["settlement_date"] for row in lake.manifest().to_pylist() if row["finished_at"].date() >= first]
    if not fresh:
        return []
    rows = lake.read(OUTBOX, min(fresh), max(fresh)).sort_by("settlement_date").to_pylist()
    return [Message.from_row(row) for row in rows if row["settlement_date"] in {*fresh}]
