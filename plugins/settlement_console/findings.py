"""One published night's findings as masked readers see them, and one finding with its reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
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
_BAR_WIDTH = 160
"""Width in pixels of the longest bar of a contribution."""


class NoSuchFindingError(LookupError):
    """Raised when no published night that the pages look at has a finding of an id."""


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


@dataclass(frozen=True)
class Contribution:
    """One reason of a flagged posting, with the width of its bar in pixels."""

    code: str
    text: str
    contribution: float
    width: float


@dataclass(frozen=True)
class FindingPage:
    """One finding.

    Attributes
    ----------
    finding
        Its row of `mart_findings_masked`.
    contributions
        Reasons of a flagged posting, strongest first; none for other findings.
    typical_score
        Score of the typical posting in the same context, which the contributions lead up from; None for others.
    broken
        Row of `settlement_breaks_masked` of a break; None for others.
    """

    finding: Row
    contributions: list[Contribution]
    typical_score: float | None
    broken: Row | None


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


def finding_page(settings: Settings, finding_id: str) -> FindingPage:
    """The page of a finding of the last nights, which are those on which a decision can still be given.

    Raises
    ------
    NoSuchFindingError
        When none of these nights has a finding of that id.
    """
    lake = _lake(settings)
    night = None if lake is None else _newest_night_of(lake, finding_id)
    # Between the two looks the night may be published again without the finding.
    found = _of_id(_masked_mart(lake, _FINDINGS, night), finding_id) if lake and night else []
    if lake is None or night is None or not found:
        raise NoSuchFindingError("there is no such finding in the queue of the last nights")
    scores = _of_id(_masked_table(lake, "anomaly_scores", night), finding_id)
    breaks = _of_id(_masked_table(lake, "settlement_breaks", night), finding_id)
    return FindingPage(
        finding=found[0],
        contributions=contributions_of(scores[0]["reasons"] or ()) if scores else [],
        typical_score=scores[0]["typical_score"] if scores else None,
        broken=breaks[0] if breaks else None,
    )


def contributions_of(reasons: Iterable[Row]) -> list[Contribution]:
    """The reasons with bars that are as long as they weigh; the longest has the full width."""
    told = list(reasons)
    most = max((abs(reason["contribution"]) for reason in told), default=0.0) or 1.0
    return [
        Contribution(
            code=reason["code"],
            text=reason["text"],
            contribution=reason["contribution"],
            width=round(_BAR_WIDTH * abs(reason["contribution"]) / most, 1),
        )
        for reason in told
    ]


def _lake(settings: Settings) -> Lake | None:
    if not is_made(settings):
        return None
    # The server loads this module at its start; the lake's libraries are imported only when somebody looks.
    from include.lake import Lake

    return Lake.open(settings.lake_uri, settings)


def _masked_mart(lake: Lake, name: str, night: date) -> pa.Table:
    from include.marts import MASKED_MARTS

    return lake.read(MASKED_MARTS[name], night, night)


def _masked_table(lake: Lake, name: str, night: date) -> pa.Table:
    from include.masking.tables import MASKED_TABLES

    return lake.read(MASKED_TABLES[name], night, night)


def _of_id(rows: pa.Table, finding_id: str) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    found: list[dict[str, Any]] = rows.filter(pc.field("finding_id") == finding_id).to_pylist()
    return found


def _newest_night_of(lake: Lake, finding_id: str) -> date | None:
    """The newest night whose queue has a finding; a break that lasts is found again each night under another id."""
    import pyarrow.compute as pc

    from include.marts import MASKED_MARTS
    from include.reviews.intake import KNOWN_DAYS

    newest = pc.max(lake.manifest()["settlement_date"]).as_py()
    if newest is None:
        return None
    columns = ("finding_id", "settlement_date")
    rows = lake.read(MASKED_MARTS[_FINDINGS], newest - timedelta(KNOWN_DAYS), newest, columns)
    return max((row["settlement_date"] for row in _of_id(rows, finding_id)), default=None)


def _messages(lake: Lake, night: date, settings: Settings) -> list[dict[str, Any]]:
    """What became of the night's messages; without sinks there are none, and a reader makes no store for them."""
    if not settings.alert_sinks:
        return []
    from include.alerting import AlertStore

    return AlertStore.open(settings.lake_uri, lake.identity, settings).told(night)
