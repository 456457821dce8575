"""What became of findings, by month and by check or reason; how long decisions took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, Self

import numpy as np
import pyarrow as pa

from include.casework.intervals import Estimate, share_of
from include.sql_engine import SqlEngine

FINDING_COLUMNS = ("settlement_date", "kind", "code", "amount", "review_state", "reviewed_on")
"""Columns of `mart_findings`, or of the masked table beside it, that everything here is made of."""
_SQL_FOLDER = "casework"


@dataclass(frozen=True)
class Outcomes:
    """Numbers of findings by what became of them, and the money at stake in some of them."""

    findings: int
    undecided: int
    confirmed: int
    dismissed: int
    unsure: int
    undecided_money: Decimal
    confirmed_money: Decimal

    @classmethod
    def sum_of(cls, rows: Iterable[Mapping[str, Any]]) -> Self:
        """The sums over rows of `outcomes.sql`."""
        held = [*rows]
        return cls(**{field.name: sum((row[field.name] for row in held), start=0) for field in fields(cls)})

    @property
    def precision(self) -> Estimate | None:
        """The share of the confirmed among the confirmed and dismissed; None where there are none."""
        return share_of(self.confirmed, self.confirmed + self.dismissed)


@dataclass(frozen=True)
class Delay:
    """Banking days from the night of a finding to its decision, over the decisions of one month."""

    month: date
    findings: int
    median: float
    nine_in_ten: float


@dataclass(frozen=True)
class Casework:
    """What became of the findings of some nights.

    Attributes
    ----------
    by_month
        Outcomes by month of the settlement date, in order.
    by_code
        Outcomes by kind and code, the most frequent first.
    delays
        Delays by month of the decision, in order.
    """

    by_month: Mapping[date, Outcomes]
    by_code: Mapping[tuple[str, str], Outcomes]
    delays: Sequence[Delay]


def casework_of(findings: pa.Table, banking_days: Callable[[date, date], int]) -> Casework:
    """Sum up findings.

    Parameters
    ----------
    findings
        Rows with `FINDING_COLUMNS`.
    banking_days
        Number of banking days after a date up to another one.
    """
    with SqlEngine.open(_SQL_FOLDER, {"findings": findings}) as engine:
        outcomes, delays = engine.rows("outcomes"), engine.rows("delays")
    by_code = _grouped(outcomes, "kind", "code")
    return Casework(
        by_month={month: found for (month,), found in _grouped(outcomes, "month").items()},
        by_code=dict(sorted(by_code.items(), key=lambda item: -item[1].findings)),
        delays=_delays(delays, banking_days),
    )


def _grouped(rows: list[dict[str, Any]], *keys: str) -> dict[Any, Outcomes]:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return {key: Outcomes.sum_of(held) for key, held in groups.items()}


def _delays(rows: list[dict[str, Any]], banking_days: Callable[[date, date], int]) -> list[Delay]:
    months: dict[date, list[int]] = defaultdict(list)
    for row in rows:
        days = banking_days(row["settlement_date"], row["reviewed_on"])
        months[row["reviewed_on"].replace(day=1)] += [days] * row["findings"]
    return [
        Delay(month, len(found), float(np.median(found)), float(np.quantile(found, 0.9)))
        for month, found in sorted(months.items())
    ]
