"""Late records: settlement dates whose control totals at the source have changed since they were taken in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from include.lake import Lake
from include.lake.tables import Table
from include.relations import DATE, IDENTIFIER, TEXT

STATE_TOTALS = Table(
    "state_totals",
    pa.schema(
        [
            pa.field("settlement_date", DATE),
            pa.field("day", DATE),
            pa.field("row_count", IDENTIFIER),
            pa.field("amount_cents", IDENTIFIER),
            pa.field("digest", TEXT),
            pa.field("run_key", TEXT),
        ]
    ),
    "settlement_date",
    ("day",),
)
"""The control totals of every settlement date up to the partition's night, as the source had them on that night."""


@dataclass(frozen=True)
class LateChange:
    """One settlement date whose totals changed since it was taken in.

    Attributes
    ----------
    day
        Settlement date.
    known_rows, found_rows
        Number of its transactions when it was taken in, and at the source now.
    known_cents, found_cents
        Sum of their amounts in cents.
    """

    day: date
    known_rows: int
    found_rows: int
    known_cents: int
    found_cents: int

    def sentence(self, restate_days: int) -> str:
        """A sentence for people that says what changed, and that no night was restated for it."""
        return (
            f"{self.day} had {self.known_rows} transactions over {self.known_cents / 100:,.2f} when it was taken in; "
            f"its source now gives {self.found_rows} over {self.found_cents / 100:,.2f}. This is older than the "
            f"{restate_days} days that are restated by themselves: run that night and those after it again."
        )


def known_totals(lake: Lake, night: date) -> pa.Table:
    """The totals that the night before stored."""
    return totals_kept(lake, night - timedelta(days=1))


def totals_kept(lake: Lake, night: date) -> pa.Table:
    """The totals that a published night stored."""
    return lake.read(STATE_TOTALS, night, night)


def late_changes(known: pa.Table, found: pa.Table, night: date) -> list[LateChange]:
    """Settlement dates before `night` whose totals are not what they were, the oldest first.

    Dates before the first the source still holds are not compared: a source may keep only its newest records.

    Parameters
    ----------
    known
        `STATE_TOTALS` of the day before `night`.
    found
        `TOTALS` of the source now.
    """
    before, now = _by_day(known, "day"), _by_day(found, "settlement_date")
    days = sorted(day for day in before.keys() | now.keys() if min(now, default=night) <= day < night)
    return [
        _change(day, before.get(day), now.get(day)) for day in days if _digest(before.get(day)) != _digest(now.get(day))
    ]


def totals_as_of(night: date, known: pa.Table | None, found: pa.Table) -> pa.Table:
    """The totals that a night stores: those of the source, and the known ones of days before the source begins."""
    now = _by_day(found, "settlement_date")
    older = [] if known is None else [row for row in known.to_pylist() if row["day"] < min(now, default=night)]
    rows = [*older, *({**row, "day": day} for day, row in sorted(now.items()))]
    kept = [{**row, "settlement_date": night, "run_key": None} for row in rows]
    return pa.Table.from_pylist(kept, schema=STATE_TOTALS.schema).drop_columns(["run_key"])


def _by_day(totals: pa.Table, day: str) -> dict[date, dict[str, Any]]:
    return {row[day]: row for row in totals.to_pylist()}


def _digest(row: dict[str, Any] | None) -> str | None:
    return None if row is None else row["digest"]


def _change(day: date, known: dict[str, Any] | None, found: dict[str, Any] | None) -> LateChange:
    absent = {"row_count": 0, "amount_cents": 0}
    was, is_now = known or absent, found or absent
    return LateChange(day, was["row_count"], is_now["row_count"], was["amount_cents"], is_now["amount_cents"])
