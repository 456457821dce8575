"""Performance of past nights: alerts against the budget, reasons, reviews and refused records.

Records that the gate lets in with a warning are not monitored: a night stores these warnings as sentences, whose number
does not show how many records they are about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import false_discovery_control, fisher_exact

from include.explaining.words.wording import count, percent
from include.models.threshold import BUDGET_DAYS
from include.monitoring.drift import FALSE_DISCOVERIES
from include.monitoring.signals import Signal

REFERENCE_DAYS = 3 * BUDGET_DAYS
"""Number of nights before the month that the month is compared with."""
MOST_ALERTS = 1.5
"""Multiple of the budget from which on a month has too many alerts. With a full training on all earlier months, the
real December 1993 and January 1994, in which everybody began to withdraw 2.5 times as often, had 1.18 and 1.08
times."""
FEWEST_ALERTS = 0.25
"""Share of the budget below which a month has too few alerts. A decision: with fewer, the model no longer separates
what it was trained to separate."""
LEAST_SHIFT = 0.15
"""Least change of a reason's share of the findings: seven findings in fifty."""
LEAST_FINDINGS = 50
"""Least number of findings in a month; with fewer, chance moves a share by 0.15."""
LEAST_REVIEWED = 20
"""Least number of decisions (confirmed or dismissed) in the month and before it; with fewer, a precision of a half is
only known to within a quarter."""
PRECISION_LEFT = 2 / 3
"""Largest ratio of the precision to the earlier one at which a fall is reported."""
QUALITY_DAYS = 7
"""Number of nights over which refused records are added up; they contain a weekly delivery once."""
LEAST_REFUSED = 0.01
"""Least share of refused records that is reported: one in a hundred is more than a single torn file."""
REFUSED_TIMES = 5.0
"""Least ratio of the share of refused records to the earlier one that is reported."""


NIGHTS_SCHEMA = pa.schema(
    [
        pa.field("settlement_date", pa.date32()),
        pa.field("is_scored", pa.bool_()),
        pa.field("scored_rows", pa.int64()),
        pa.field("offered_rows", pa.int64()),
        pa.field("refused_rows", pa.int64()),  # quarantined or unreadable
    ]
)
"""Whether a night was scored, and its numbers of records; one row per night."""


@dataclass(frozen=True)
class Findings:
    """Tables of the known nights; the last one is the night itself.

    Attributes
    ----------
    nights
        Rows of `NIGHTS_SCHEMA`.
    alerts
        Flagged postings, each with its strongest reason: `settlement_date`, `trans_id` and `code` of `ALERTS_SCHEMA`.
    reviews
        Decisions that were known when the night ended: `trans_id` and `decision`; empty where nobody reviews.
    budget
        Share of postings to flag.
    month_rows
        Number of postings in a month when the threshold was chosen; a quieter month may flag as many.
    """

    nights: pa.Table
    alerts: pa.Table
    reviews: pa.Table
    budget: float
    month_rows: int

    def performance_signals(self, night: date) -> list[Signal]:
        """The signals of the month that ends with the night."""
        return [*self._volume(night), *self._reasons(night), *self._precision(night), *self._quality(night)]

    def figures(self, night: date) -> dict[str, float]:
        """The figures of the month, for people and for comparison."""
        month = _between(self.nights, _first(night), night)
        offered, scored = _sum(month, "offered_rows"), _sum(month, "scored_rows")
        flagged = _between(self.alerts, _first(night), night).num_rows
        shares = {f"reason_share/{code}": share for code, share in _shares(self._codes(_first(night), night)).items()}
        decided = self._decided(_first(night), night)
        precision = {"precision": decided[0] / sum(decided)} if sum(decided) else {}
        return {
            "alert_share": flagged / max(scored, 1),
            "alert_budget": self.budget,
            "refused_share": _sum(month, "refused_rows") / max(offered, 1),
            "reviewed": float(sum(decided)),
            **precision,
            **shares,
        }

    def _volume(self, night: date) -> Iterator[Signal]:
        month = _between(self.nights, _first(night), night)
        scored = _sum(month, "scored_rows")
        if month.num_rows < BUDGET_DAYS or not scored or not all(month["is_scored"].to_pylist()):
            return
        flagged = _between(self.alerts, _first(night), night).num_rows
        used = flagged / max(scored, self.month_rows) / self.budget
        many = used > 1
        yield _signal(
            "alert_volume",
            "",
            night,
            effect=abs(used - 1),
            limit=MOST_ALERTS - 1 if many else 1 - FEWEST_ALERTS,
            text=f"Of the last 31 days' {count(scored)} postings {count(flagged)} were flagged; the alert budget is "
            f"{percent(self.budget)}, {count(round(self.budget * max(scored, self.month_rows)))} of them. "
            f"{_WHY_MANY if many else _WHY_FEW}",
            asks=True,
        )

    def _reasons(self, night: date) -> Iterator[Signal]:
        now = self._codes(_first(night), night)
        before = self._codes(_first(night) - timedelta(days=REFERENCE_DAYS), _first(night) - timedelta(days=1))
        total, earlier = sum(now.values()), sum(before.values())
        if min(total, earlier) < LEAST_FINDINGS:
            return
        codes = sorted(now.keys() | before.keys())
        tables = [[[n := now.get(c, 0), total - n], [m := before.get(c, 0), earlier - m]] for c in codes]
        p_values = false_discovery_control([fisher_exact(table).pvalue for table in tables], method="by")
        for code, table, p_value in zip(codes, tables, p_values, strict=True):
            share, usual = table[0][0] / total, table[1][0] / earlier
            yield _signal(
                "reason_shift",
                code,
                night,
                effect=abs(share - usual),
                limit=LEAST_SHIFT,
                p_value=float(p_value),
                text=f"Of the last 31 days' findings {percent(share)} are chiefly for {REASONS[code]}, compared with "
                f"{percent(usual)} of those of the 93 days before.",
            )

    def _precision(self, night: date) -> Iterator[Signal]:
        right, wrong = self._decided(_first(night), night)
        before = self._decided(_first(night) - timedelta(days=REFERENCE_DAYS), _first(night) - timedelta(days=1))
        if min(right + wrong, sum(before)) < LEAST_REVIEWED or not before[0]:
            return
        precision, usual = right / (right + wrong), before[0] / sum(before)
        p_value = fisher_exact([[right, wrong], list(before)], alternative="less").pvalue
        yield _signal(
            "precision",
            "",
            night,
            effect=1 - precision / usual,
            limit=1 - PRECISION_LEFT,
            p_value=float(p_value),
            text=f"Of the last 31 days' findings that were reviewed, {percent(precision)} were confirmed "
            f"({right} of {right + wrong}), compared with {percent(usual)} of those of the 93 days before.",
            asks=True,
        )

    def _quality(self, night: date) -> Iterator[Signal]:
        lately = _between(self.nights, night - timedelta(days=QUALITY_DAYS - 1), night)
        before = _between(self.nights, night - timedelta(days=REFERENCE_DAYS), night - timedelta(days=QUALITY_DAYS))
        offered, earlier = _sum(lately, "offered_rows"), _sum(before, "offered_rows")
        if not offered or before.num_rows < QUALITY_DAYS or not earlier:
            return
        share, usual = _sum(lately, "refused_rows") / offered, _sum(before, "refused_rows") / earlier
        yield _signal(
            "quality",
            "",
            night,
            effect=share,
            limit=max(LEAST_REFUSED, REFUSED_TIMES * usual),
            text=f"Of the last {QUALITY_DAYS} days' records {percent(share)} could not be let in, compared with "
            f"{percent(usual)} of those before. The quarantine says which and why.",
        )

    def _codes(self, first: date, last: date) -> dict[str, int]:
        codes = _between(self.alerts, first, last)["code"].to_pylist()
        return {code: codes.count(code) for code in sorted(set(codes))}

    def _decided(self, first: date, last: date) -> tuple[int, int]:
        """Number of confirmed and of dismissed findings of the nights."""
        found = set(_between(self.alerts, first, last)["trans_id"].to_pylist())
        decisions = dict(zip(self.reviews["trans_id"].to_pylist(), self.reviews["decision"].to_pylist(), strict=True))
        said = [decisions.get(trans_id) for trans_id in found]
        return said.count("confirmed"), said.count("dismissed")


_WHY_MANY = "More is odd than the model was trained to expect, though the nights' thresholds were raised."
_WHY_FEW = "The model hardly finds anything odd in what it is shown."

REASONS: Mapping[str, str] = {
    "amount": "an unusual amount",
    "frequency": "unusually many postings",
    "spending_limit": "unusually high spending",
    "counterparty": "a new counterparty",
    "sequence": "an unusual order of operations",
    "timing": "an unusual time",
    "location": "an unusual place",
    "balance": "what happens to the balance",
    "product": "a product the client did not use before",
    "other": "reasons without a name",
}


def _signal(
    code: str,
    feature: str,
    night: date,
    *,
    effect: float,
    limit: float,
    text: str,
    p_value: float = 0.0,
    asks: bool = False,
) -> Signal:
    is_over = effect >= limit and p_value < FALSE_DISCOVERIES
    return Signal(code, feature, feature or code, effect, limit, p_value, is_over, night, text, asks)  # type: ignore[arg-type]


def _first(night: date) -> date:
    return night - timedelta(days=BUDGET_DAYS - 1)


def _between(table: pa.Table, first: date, last: date) -> pa.Table:
    days = table["settlement_date"]
    return table.filter(pc.and_(pc.greater_equal(days, pa.scalar(first)), pc.less_equal(days, pa.scalar(last))))


def _sum(table: pa.Table, column: str) -> int:
    return int(np.sum(table[column].to_numpy()))


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: number / total for name, number in counts.items()}
