"""One published night's findings as masked readers see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from include.settings import Settings
from plugins.settlement_console.lake_says import is_made

if TYPE_CHECKING:
    import pyarrow as pa

    from include.lake import Lake

Row = Mapping[str, Any]

MOST_SHOWN = 500
"""Largest number of findings on a night's page, the most urgent first: two persons' work of a day."""
_FINDINGS, _NIGHTS = "mart_findings", "mart_nights"


@dataclass(frozen=True)
class NightPage:
    """A published night.

    Attributes
    ----------
    night
        Settlement date.
    totals
        The night's row of `mart_nights_masked`; None for a night from before there were marts.
    findings
        The most urgent findings, in the queue's order, as `mart_findings_masked` has them.
    counts
        Number of all findings by kind and code, the most frequent first.
    messages
        What became of the night's messages, one row for each message and sink.
    """

    night: date
    totals: Row | None
    findings: list[Row]
    counts: list[tuple[tuple[str, str], int]]
    messages: list[dict[str, Any]]

    @property
    def left_out(self) -> int:
        """Number of findings that are not shown."""
        return sum(count for _, count in self.counts) - len(self.findings)


def night_page(settings: Settings, night: date) -> NightPage | None:
    """The page of a night; None where it is not published."""
    lake = _lake(settings)
    if lake is None or lake.published(night) is None:
        return None
    found = _masked_mart(lake, _FINDINGS, night).sort_by("rank").to_pylist()
    totals = _masked_mart(lake, _NIGHTS, night).to_pylist()
    counts = Counter((row["kind"], row["code"]) for row in found)
    return NightPage(
        night=night,
        totals=totals[0] if totals else None,
        findings=found[:MOST_SHOWN],
        counts=counts.most_common(),
        messages=_messages(lake, night, settings),
    )


def _lake(settings: Settings) -> Lake | None:
    if not is_made(settings):
        return None
    # The server loads this module at its start; the lake's libraries are imported only when somebody looks.
    from include.lake import Lake

    return Lake.open(settings.lake_uri, settings)


def _masked_mart(lake: Lake, name: str, night: date) -> pa.Table:
    from include.marts import MASKED_MARTS

    return lake.read(MASKED_MARTS[name], night, night)


def _messages(lake: Lake, night: date, settings: Settings) -> list[dict[str, Any]]:
    """What became of the night's messages; without sinks there are none, and a reader makes no store for them."""
    if not settings.alert_sinks:
        return []
    from include.alerting import AlertStore

    return AlertStore.open(settings.lake_uri, lake.identity, settings).told(night)
