"""Interest far above the peers' warns; ordinary real months are quiet."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tests.settlement.banks import Bank

MONTH_ENDS = [date(1993, month, day) for month, day in ((6, 30), (8, 31), (10, 31), (12, 31))]


@pytest.mark.parametrize("night", MONTH_ENDS)
def test_a_real_month_end_has_hardly_any(crowns: Bank, night: date) -> None:
    assert len(crowns.breaks(night, night, "interest_amount")) <= 1


def test_ten_times_the_interest_warns(crowns: Bank) -> None:
    night = date(1994, 1, 31)
    rows = crowns.postings.to_pylist()
    bent = [r for r in rows if r["trans_date"] == night and r["category"] == "IC" and r["amount"] > 100][:20]
    for row in bent:
        row["amount"] *= Decimal(10)
    found = crowns.with_rows(rows).breaks(night, night, "interest_amount")
    assert {b["severity"] for b in found} == {"warn"}
    assert {r["trans_id"] for r in bent} <= {b["trans_id"] for b in found}
