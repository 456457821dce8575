"""What was decided on findings like one: on the account's own, and in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from plugins.settlement_console.records import Row

if TYPE_CHECKING:
    import pyarrow as pa

_NORMAL_QUANTILE = 1.959964
"""The normal distribution's quantile for a two-sided interval at 95 %, as in `mart_model_performance`."""


@dataclass(frozen=True)
class Tally:
    """Findings of one check or reason, by what was decided.

    Attributes
    ----------
    confirmed, dismissed, unsure, is_open
        Numbers of findings; `is_open` counts those without a decision.
    """

    confirmed: int
    dismissed: int
    unsure: int
    is_open: int

    @classmethod
    def of(cls, states: Counter[str | None]) -> Tally:
        """The tally of the states of review; what has none is open."""
        waiting = sum(count for state, count in states.items() if state not in ("confirmed", "dismissed", "unsure"))
        return cls(states["confirmed"], states["dismissed"], states["unsure"], waiting)

    @property
    def settled(self) -> int:
        """Number of findings of which somebody said whether they were right."""
        return self.confirmed + self.dismissed

    @property
    def precision(self) -> float | None:
        """Share of the settled findings that were right; None without any."""
        return self.confirmed / self.settled if self.settled else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The precision's 95 % interval, Wilson's (1927, J. Am. Stat. Assoc. 22, 209-212); None without any.

        >>> [round(end, 2) for end in Tally(9, 1, 0, 0).interval]
        [0.6, 0.98]
        """
        if self.precision is None:
            return None
        share, number, squared = self.precision, self.settled, _NORMAL_QUANTILE**2
        middle = (share + squared / 2 / number) / (1 + squared / number)
        spread = sqrt(share * (1 - share) / number + squared / 4 / number**2)
        half = _NORMAL_QUANTILE * spread / (1 + squared / number)
        return max(middle - half, 0.0), min(middle + half, 1.0)


@dataclass(frozen=True)
class DecidedBefore:
    """Decisions on findings like one.

    Attributes
    ----------
    on_account
        Findings of the account with the same check or reason that somebody decided on, newest first.
    in_all
        All findings of the check or reason, in the nights that are looked at.
    findings, nights
        Number of these findings, and of the nights that have some.
    """

    on_account: list[Row]
    in_all: Tally
    findings: int
    nights: int


def decided_before(finding: Row, on_account: Sequence[Row], alike: pa.Table) -> DecidedBefore:
    """The decisions on findings like one.

    Parameters
    ----------
    finding
        Row of `mart_findings`.
    on_account
        Findings of its account, itself among them.
    alike
        All findings of its kind and code, with `review_state` and `settlement_date`.
    """
    import pyarrow.compute as pc

    decided = [row for row in on_account if _is_alike(row, finding) and row["review_state"] not in (None, "open")]
    return DecidedBefore(
        on_account=sorted(decided, key=lambda row: row["settlement_date"], reverse=True),
        in_all=Tally.of(_counted(alike["review_state"])),
        findings=alike.num_rows,
        nights=pc.count_distinct(alike["settlement_date"]).as_py(),
    )


def _counted(states: pa.ChunkedArray) -> Counter[str | None]:
    """How often each state comes; they are hundreds of thousands where nights have thousands of findings."""
    return Counter({each["values"]: each["counts"] for each in states.value_counts().to_pylist()})


def _is_alike(row: Row, finding: Row) -> bool:
    same = all(row[name] == finding[name] for name in ("kind", "code"))
    return same and row["finding_id"] != finding["finding_id"]
