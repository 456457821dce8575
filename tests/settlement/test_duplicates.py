"""Postings twice on one night: an error where the balances have room for one only, a warning where they need both."""

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
    [(TRANSFER, ["warn"]), (CASH, ["warn"]), ({"category": "IO"}, []), ({"category": "IC"}, [])],
)
def test_what_chains(columns: dict[str, Any], severity: list[str]) -> None:
    assert found({}, columns) == [("duplicate_posting", s, 3) for s in severity]


@pytest.mark.parametrize("columns", [TRANSFER, CASH, {"category": "IO"}])
def test_an_equal_balance_is_an_error_and_breaks_the_chain(columns: dict[str, Any]) -> None:
    codes = found({"balance": 900}, columns)
    assert ("duplicate_posting", "error", 3) in codes
    assert "balance_chain" in {code for code, _, _ in codes}


def night(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Breaks of a night with two equal transfers after a credit, the three postings changed one by one."""
    rows = chained([(date(1994, 5, 1), "1000", {}), (DAY, "50", {}), (DAY, "-100", TRANSFER), (DAY, "-100", TRANSFER)])
    changed = [row | change for row, change in zip(rows[1:], changes, strict=True)]
    return small_bank([rows[0], *changed]).breaks(DAY, DAY)


def test_transfers_that_the_balances_need_are_not_proposed_for_deletion() -> None:
    (found,) = night({}, {}, {})
    assert (found["severity"], found["correction"]) == ("warn", None)
    assert found["text"].endswith("purpose and counterparty. The balances need both.")


def test_so_is_it_on_a_day_that_is_broken_elsewhere() -> None:
    # The credit is out of place by itself, and neither transfer explains it.
    broken, pair = night({"balance": 7000}, {}, {})
    assert (broken["check_code"], pair["check_code"]) == ("balance_chain", "duplicate_posting")
    assert (pair["severity"], pair["correction"]) == ("warn", None)


@pytest.mark.parametrize("changes", [({}, {}, {"balance": 950}), ({}, {"balance": 850}, {})])
def test_one_too_many_for_the_balances_is_an_error(changes: tuple[dict[str, Any], ...]) -> None:
    found = {b["check_code"]: b for b in night(*changes)}["duplicate_posting"]
    assert (found["severity"], found["correction"]["action"]) == ("error", "delete")


@pytest.mark.parametrize("balances", [(None, None, None), (1050, None, 850)])
def test_where_the_balances_cannot_say_a_transfer_twice_is_an_error(balances: tuple[int | None, ...]) -> None:
    (found,) = night(*[{"balance": balance} for balance in balances])
    assert (found["severity"], found["correction"]["action"]) == ("error", "delete")
    assert "need both" not in found["text"]


def test_another_counterparty_is_another_posting() -> None:
    assert found({"other_account_id": 43}, TRANSFER) == []


def test_real_nights_only_warn(crowns: Bank) -> None:
    breaks = crowns.breaks(date(1994, 1, 17), date(1994, 1, 19), "duplicate_posting")
    assert [(b["severity"], b["account_id"]) for b in breaks] == [("warn", 1006), ("warn", 1019), ("warn", 1449)]
