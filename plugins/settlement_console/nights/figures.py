"""The figures of published nights: counts and money, breaks by check, flagged postings by reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from plugins.settlement_console.lake_reader import masked_mart, published_nights

if TYPE_CHECKING:
    from include.lake import Lake

Row = Mapping[str, Any]

MOST_REMEMBERED = 4_000
"""Largest number of nights whose figures the server keeps at hand: ten years of them, some two megabytes."""
_COUNTS = ("offered", "published", "quarantined", "deduplicated", "unreadable")


@dataclass(frozen=True)
class NightFigures:
    """One published night, in figures.

    Attributes
    ----------
    night
        Settlement date.
    offered, published, quarantined, deduplicated, unreadable
        Numbers of postings.
    breaks
        Number of breaks by check.
    flagged
        Number of flagged postings; None where scores were skipped.
    reasons
        Number of flagged postings by the strongest reason's code.
    money
        Sum of the published amounts as masked readers see it; None for a night from before there were marts.
    model_version
        Model that scored it; None where none did.
    finished_at
        When it was published.
    run_key
        Key of its run.
    """

    night: date
    offered: int
    published: int
    quarantined: int
    deduplicated: int
    unreadable: int
    breaks: Mapping[str, int]
    flagged: int | None
    model_version: str | None
    finished_at: datetime
    run_key: str
    money: Decimal | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def break_count(self) -> int:
        """Number of all breaks."""
        return sum(self.breaks.values())

    @property
    def findings_per_thousand(self) -> float:
        """Breaks and flagged postings of a thousand published ones; of a night without postings, their number."""
        found = self.break_count + (self.flagged or 0)
        return 1000 * found / self.published if self.published else float(found)

    @classmethod
    def of(
        cls, manifest_row: Row, money: Decimal | None = None, reasons: Mapping[str, int] | None = None
    ) -> NightFigures:
        """The figures in a row of `night_manifest` and its summary, with those that the marts add."""
        summary = json.loads(manifest_row["summary"] or "{}")
        return cls(
            night=manifest_row["settlement_date"],
            **{name: manifest_row[f"{name}_rows"] or 0 for name in _COUNTS},
            breaks=summary.get("breaks", {}),
            flagged=summary.get("flagged") if manifest_row["model_version"] else None,
            model_version=manifest_row["model_version"],
            finished_at=manifest_row["finished_at"],
            run_key=manifest_row["run_key"],
            money=money,
            reasons=reasons or {},
        )


class NightBook:
    """The figures of the nights that were asked for so far.

    What a run published never changes, so that the figures are kept by run: the next look at the same nights reads no
    file of theirs.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._known: dict[tuple[str, date, str], NightFigures] = {}
        self._most = most

    def until(self, lake: Lake, last: date | None, shown: int) -> list[NightFigures]:
        """The newest published nights up to `last`, oldest first; `last` is the newest of all when None."""
        listed = published_nights(lake, last, shown)
        keys = [(lake.identity, night, run_key) for night, run_key in listed.items()]
        known = {key: self._known[key] for key in keys if key in self._known}
        if unread := [night for _, night, _ in keys if (lake.identity, night, listed[night]) not in known]:
            read = {(lake.identity, each.night, each.run_key): each for each in _read(lake, unread)}
            self._remember(read)
            known |= read
        return sorted(known.values(), key=lambda each: each.night)

    def _remember(self, read: Mapping[tuple[str, date, str], NightFigures]) -> None:
        self._known = dict([*self._known.items(), *read.items()][-self._most :])


BOOK = NightBook()
"""Figures of the nights that this process of the server has looked at."""


def _read(lake: Lake, nights: Iterable[date]) -> list[NightFigures]:
    wanted = set(nights)
    first, last = min(wanted), max(wanted)
    rows = [row for row in lake.manifest(first, last).to_pylist() if row["settlement_date"] in wanted]
    money = _money(lake, first, last)
    reasons = _reasons(lake, first, last)
    return [NightFigures.of(row, money.get(night := row["settlement_date"]), reasons.get(night)) for row in rows]


def _money(lake: Lake, first: date, last: date) -> dict[date, Decimal | None]:
    rows = masked_mart(lake, "mart_nights", first, last, ("settlement_date", "published_money"))
    return dict(zip(rows["settlement_date"].to_pylist(), rows["published_money"].to_pylist(), strict=True))


def _reasons(lake: Lake, first: date, last: date) -> dict[date, Counter[str]]:
    """Number of flagged postings by night and code; a row that stands for many counts as many."""
    import pyarrow.compute as pc

    rows = masked_mart(lake, "mart_findings", first, last, ("settlement_date", "kind", "code", "postings"))
    flagged = rows.filter(pc.field("kind") == "score")
    counted = flagged.append_column("number", pc.fill_null(flagged["postings"], 1))
    found: dict[date, Counter[str]] = {}
    for row in counted.group_by(["settlement_date", "code"]).aggregate([("number", "sum")]).to_pylist():
        found.setdefault(row["settlement_date"], Counter())[row["code"]] = row["number_sum"]
    return found
