"""What became of findings by month and code, how long that took, and how sure the shares are."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from include.casework.intervals import Estimate, Stratum, share_of, stratified_share
from include.casework.outcomes import FINDING_COLUMNS, casework_of
from include.marts import MART_TABLES

SCHEMA = pa.schema([MART_TABLES["mart_findings"].schema.field(name) for name in FINDING_COLUMNS])


def finding(day: date, state: str, on: date | None = None, code: str = "amount") -> dict[str, Any]:
    return {
        "settlement_date": day,
        "kind": "score",
        "code": code,
        "amount": Decimal(10),
        "review_state": state,
        "reviewed_on": on,
    }


def days(after: date, until: date) -> int:
    return (until - after).days


def test_months_and_codes_have_their_precision_and_decisions_their_delay() -> None:
    january, february = date(1994, 1, 10), date(1994, 2, 1)
    rows = [
        finding(january, "confirmed", date(1994, 1, 12)),
        finding(january, "dismissed", date(1994, 1, 14)),
        finding(january, "dismissed", february, code="timing"),
        finding(february, "open"),
        finding(february, "unsure", date(1994, 2, 2)),
    ]
    found = casework_of(pa.Table.from_pylist(rows, SCHEMA), days)
    assert [*found.by_month] == [date(1994, 1, 1), date(1994, 2, 1)]
    first, second = found.by_month.values()
    assert (first.findings, first.confirmed, first.dismissed, first.confirmed_money) == (3, 1, 2, 10)
    assert first.precision is not None
    assert first.precision.share == pytest.approx(1 / 3)
    assert (second.undecided, second.undecided_money, second.precision) == (1, 10, None)
    assert [*found.by_code] == [("score", "amount"), ("score", "timing")]
    assert [(each.month.month, each.findings, each.median) for each in found.delays] == [(1, 2, 3), (2, 2, 11.5)]


def test_without_findings_there_is_nothing() -> None:
    found = casework_of(SCHEMA.empty_table(), days)
    assert (found.by_month, found.by_code, found.delays) == ({}, {}, [])


def test_a_share_has_wilsons_interval() -> None:
    """Newcombe (1998, Stat. Med. 17, 857-872), table I: 15 of 148 gives 0.0624 to 0.1605."""
    found = share_of(15, 148)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (0.0624, 0.1605)


def test_a_sample_without_a_find_is_bounded_by_the_rule_of_three() -> None:
    found = stratified_share([Stratum(1_000, 40, 0)] * 3)
    assert found is not None
    assert (found.share, found.low) == (0, 0)
    # Clopper and Pearson's at two sides: 1 - 0.025 ** (1 / 120).
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 120))


def test_strata_count_by_their_size_and_unequal_ones_say_less() -> None:
    plain = stratified_share([Stratum(100, 10, 1), Stratum(100, 10, 3)])
    weighted = stratified_share([Stratum(900, 10, 1), Stratum(100, 10, 3)])
    assert plain is not None
    assert weighted is not None
    assert (plain.share, weighted.share) == (pytest.approx(0.2), pytest.approx(0.12))
    even, uneven = ([Stratum(size, 10, 0), Stratum(1000 - size, 10, 0)] for size in (500, 900))
    bounds = [found.high for strata in (even, uneven) if (found := stratified_share(strata))]
    assert bounds == sorted(bounds)
    assert bounds[1] > bounds[0] * 1.5


def test_strata_that_nobody_looked_at_say_nothing() -> None:
    assert stratified_share([Stratum(10, 0, 0)]) is None
    assert stratified_share([Stratum(10, 0, 0), Stratum(10, 10, 10)]) == Estimate(
        1.0, pytest.approx(0.6915, abs=1e-4), 1.0
    )
