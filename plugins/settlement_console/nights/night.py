"""One published night: its figures against the nights before it, its most urgent findings, and its messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from include.settings import Settings
from plugins.settlement_console.charts import Chart
from plugins.settlement_console.lake_reader import masked_mart, opened_lake
from plugins.settlement_console.nights.figures import NightBook, NightFigures
from plugins.settlement_console.nights.plots import bars_of, plots_of
from plugins.settlement_console.nights.usual import NIGHTS_COMPARED, Comparison, compared, compared_by_code

if TYPE_CHECKING:
    from include.lake import Lake

Row = Mapping[str, Any]

MOST_SHOWN = 100
"""Largest number of findings on a night's page, the most urgent first; who works on them does so in the queue."""
_SHOWN_COLUMNS = ("rank", "severity", "finding_id", "text", "code", "amount", "score", "review_state")


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
    compared
        Figures of the night beside those of the nights before it.
    checks, reasons
        Breaks by check and flagged postings by reason beside those of the nights before it.
    compared_with
        Number of the nights before it that it is held against.
    plots, bars
        Small multiples of the figures, and bars by code.
    """

    night: date
    totals: Row | None
    findings: list[Row]
    counts: list[tuple[tuple[str, str], int]]
    messages: list[dict[str, Any]]
    compared: Sequence[Comparison] = ()
    checks: Sequence[Comparison] = ()
    reasons: Sequence[Comparison] = ()
    compared_with: int = 0
    plots: Sequence[Chart] = ()
    bars: Sequence[Chart] = ()

    @property
    def notices(self) -> list[tuple[tuple[str, str], int]]:
        """The counts of what is neither a break nor a flagged posting: late records, drift, and the like."""
        return [each for each in self.counts if each[0][0] not in ("break", "score")]

    @property
    def left_out(self) -> int:
        """Number of findings that are not shown."""
        return sum(count for _, count in self.counts) - len(self.findings)


def night_page(settings: Settings, night: date, book: NightBook | None = None) -> NightPage | None:
    """The page of a night; None where it is not published.

    Parameters
    ----------
    book
        Figures that are known from earlier looks.
    """
    lake = opened_lake(settings)
    nights = [] if lake is None else (book or NightBook()).until(lake, night, NIGHTS_COMPARED + 1)
    if lake is None or not nights or nights[-1].night != night:
        return None
    found = masked_mart(lake, "mart_findings", night, night).sort_by("rank")
    totals = masked_mart(lake, "mart_nights", night, night).to_pylist()
    counts = Counter(zip(found["kind"].to_pylist(), found["code"].to_pylist(), strict=True))
    return NightPage(
        night=night,
        totals=totals[0] if totals else None,
        findings=found.select(_SHOWN_COLUMNS).slice(0, MOST_SHOWN).to_pylist(),
        counts=counts.most_common(),
        messages=_messages(lake, night, settings),
        **_beside_earlier(nights[-1], nights[:-1]),
    )


def _beside_earlier(night: NightFigures, before: Sequence[NightFigures]) -> dict[str, Any]:
    nights = [*before, night]
    return {
        "compared": compared(night, before),
        "checks": compared_by_code(night, before, lambda each: each.breaks),
        "reasons": compared_by_code(night, before, lambda each: each.reasons),
        "compared_with": len(before),
        "plots": plots_of(nights, night.night),
        "bars": bars_of(nights),
    }


def _messages(lake: Lake, night: date, settings: Settings) -> list[dict[str, Any]]:
    """What became of the night's messages; without sinks there are none, and a reader makes no store for them."""
    if not settings.alert_sinks:
        return []
    from include.alerting import AlertStore

    return AlertStore.open(settings.lake_uri, lake.identity, settings).told(night)
