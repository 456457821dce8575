"""The published nights of a lake, as the overview lists them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from include.settings import Settings
from plugins.settlement_console.lake_says import is_made

# A month of nights fits a screen or two and is what Data Docs keeps; older nights are in `night_manifest`.
NIGHTS_SHOWN = 31


@dataclass(frozen=True)
class Gap:
    """Nights between two published ones that nobody published; `first` and `last` are both among them."""

    first: date
    last: date


@dataclass(frozen=True)
class NightRow:
    """One published night, in figures.

    `flagged` is None where scores were skipped; `gap_after` are the nights missing between it and the next newer one.
    """

    night: date
    offered: int
    published: int
    quarantined: int
    deduplicated: int
    unreadable: int
    breaks: int
    flagged: int | None
    model_version: str | None
    finished_at: datetime
    run_key: str
    gap_after: Gap | None = None

    @classmethod
    def of(cls, manifest_row: dict[str, Any]) -> NightRow:
        """The figures in a row of `night_manifest` and its summary."""
        summary = json.loads(manifest_row["summary"] or "{}")
        counts = ("offered", "published", "quarantined", "deduplicated", "unreadable")
        return cls(
            night=manifest_row["settlement_date"],
            **{name: manifest_row[f"{name}_rows"] for name in counts},
            breaks=sum(summary.get("breaks", {}).values()),
            flagged=summary.get("flagged") if manifest_row["model_version"] else None,
            model_version=manifest_row["model_version"],
            finished_at=manifest_row["finished_at"],
            run_key=manifest_row["run_key"],
        )


def recent_nights(settings: Settings, shown: int = NIGHTS_SHOWN) -> list[NightRow]:
    """The newest published nights of the lake, newest first; none when the lake does not exist yet."""
    if not is_made(settings):
        return []
    # The server loads this module at start; the lake's libraries only once somebody looks.
    from include.lake import Lake

    rows = Lake.open(settings.lake_uri, settings).manifest().to_pylist()
    newest = sorted(rows, key=lambda row: row["settlement_date"], reverse=True)[:shown]
    return with_gaps([NightRow.of(row) for row in newest])


def with_gaps(newest_first: list[NightRow]) -> list[NightRow]:
    """The nights with the gaps between them, so that a night that nobody published is seen."""
    below = [replace(row, gap_after=_gap(row.night, newer.night)) for newer, row in pairwise(newest_first)]
    return newest_first[:1] + below


def _gap(night: date, newer: date) -> Gap | None:
    first, last = night + timedelta(days=1), newer - timedelta(days=1)
    return Gap(first, last) if first <= last else None
