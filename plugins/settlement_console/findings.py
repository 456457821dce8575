"""One finding as masked readers see it, with its reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from include.settings import Settings
from plugins.settlement_console.lake_reader import masked_mart, masked_table, opened_lake, published_nights

if TYPE_CHECKING:
    import pyarrow as pa

    from include.lake import Lake

Row = Mapping[str, Any]

_FINDINGS = "mart_findings"
_BAR_WIDTH = 160
"""Width in pixels of the longest bar of a contribution."""


class NoSuchFindingError(LookupError):
    """Raised when no published night that the pages look at has a finding of an id."""


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


def finding_page(settings: Settings, finding_id: str) -> FindingPage:
    """The page of a finding of the last nights, which are those on which a decision can still be given.

    Raises
    ------
    NoSuchFindingError
        When none of these nights has a finding of that id.
    """
    lake = opened_lake(settings)
    night = None if lake is None else _newest_night_of(lake, finding_id)
    # Between the two looks the night may be published again without the finding.
    found = _of_id(masked_mart(lake, _FINDINGS, night, night), finding_id) if lake and night else []
    if lake is None or night is None or not found:
        raise NoSuchFindingError("there is no such finding in the queue of the last nights")
    scores = _of_id(masked_table(lake, "anomaly_scores", night, night), finding_id)
    breaks = _of_id(masked_table(lake, "settlement_breaks", night, night), finding_id)
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


def _of_id(rows: pa.Table, finding_id: str) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    found: list[dict[str, Any]] = rows.filter(pc.field("finding_id") == finding_id).to_pylist()
    return found


def _newest_night_of(lake: Lake, finding_id: str) -> date | None:
    """The newest night whose queue has a finding; a break that lasts is found again each night under another id."""
    from include.reviews.intake import KNOWN_DAYS

    newest = max(published_nights(lake), default=None)
    if newest is None:
        return None
    columns = ("finding_id", "settlement_date")
    rows = masked_mart(lake, _FINDINGS, newest - timedelta(KNOWN_DAYS), newest, columns)
    return max((row["settlement_date"] for row in _of_id(rows, finding_id)), default=None)
