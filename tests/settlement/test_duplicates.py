"""Postings twice on one night: transfers and broken chains are errors, cash that chains warns, interest does not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.settlement.banks import Bank, chained, small_bank

DAY = date(1994, 5, 5)
TRANSFER = {"operation": "ROB", "other_bank_id": "YZ", "other_account_id": 42}
CASH = {"operation": "WIC", "other_account_id": 0}


def found(second: dict[str, Any], columns: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Codes of a night with two equal postings, the second changed."""
    rows = chained([(date(1994, 5, 1), "1000", {}), (DAY, "-100", columns), (DAY, "-100", columns)])
    rows[2] |= second
    breaks = small_bank(rows).breaks(DAY, DAY)
    return [(b["check_code"], b["severity"], b["trans_id"]) for b in breaks]


@pytest.mark.parametrize(
    ("columns", "severity"),
    [(TRANSFER, ["error"]), (CASH, ["warn"]), ({"category": "IO"}, []), ({"category": "IC"}, [])],
)
def test_what_chains(columns: dict[str, Any], severity: list[str]) -> None:
    assert found({}, columns) == [("duplicate_posting", s, 3) for s in severity]


@pytest.mark.parametrize("columns", [TRANSFER, CASH, {"category": "IO"}])
def test_an_equal_balance_is_an_error_and_breaks_the_chain(columns: dict[str, Any]) -> None:
    codes = found({"balance": 900}, columns)
    assert ("duplicate_posting", "error", 3) in codes
    assert "balance_chain" in {code for code, _, _ in codes}


def test_another_counterparty_is_another_posting() -> None:
    assert found({"other_account_id": 43}, TRANSFER) == []


def test_real_nights_only_warn(crowns: Bank) -> None:
    breaks = crowns.breaks(date(1994, 1, 17), date(1994, 1, 19), "duplicate_posting")
    assert [(b["severity"], b["account_id"]) for b in breaks] == [("warn", 1006), ("warn", 1019), ("warn", 1449)]
