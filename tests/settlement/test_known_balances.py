"""Banks that record no balances, some, or one and the same in every posting."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from include.settlement.known_balances import FILLER_POSTINGS
from tests.settlement.banks import Bank, chained, posting, small_bank

FIRST = date(1994, 5, 1)
CASH = {"operation": "WIC", "other_account_id": 0}


def day(number: int) -> date:
    return FIRST + timedelta(number)


def without_balance(rows: list[dict[str, Any]], *numbers: int) -> Bank:
    return small_bank([{**r, "balance": None} if r["trans_id"] in numbers else r for r in rows])


def filled(balances: list[str | None]) -> Bank:
    """Ten cash withdrawals a day, each day's last two the same."""
    rows = [posting(n, day(n // 10), str(-(n % 10 or 9)), b, **CASH) for n, b in enumerate(balances, start=1)]
    return small_bank(rows)


def test_a_day_lacking_a_balance_is_not_checked_and_the_next_starts_anywhere() -> None:
    rows = chained([(day(n), f"{100 + i}", {}) for i, n in enumerate((0, 1, 1, 2, 3))])
    rows[3]["balance"] += 7
    rows[4]["balance"] += 9
    bank = without_balance(rows, 3)
    (row,) = bank.breaks(day(0), day(3))
    assert (row["check_code"], row["trans_id"], str(row["difference"])) == ("balance_chain", 5, "2.00")


def test_an_account_begun_without_a_balance_need_not_start_at_zero() -> None:
    account = {"account_id": 1, "create_date": FIRST}
    rows = [posting(1, day(0), "10", None), posting(2, day(1), "10", "500")]
    assert small_bank(rows, fin_account=[account]).breaks(day(0), day(1), "balance_chain") == []


def test_a_break_after_an_unknown_day_names_no_closing_balance_of_it() -> None:
    rows = [posting(1, day(0), "10", None), posting(2, day(1), "10", "500"), posting(3, day(1), "20", "900")]
    (row,) = small_bank(rows).breaks(day(1), day(1))
    assert "closing balance" not in row["text"]


def test_equal_postings_without_balances_are_no_closer_than_with_different_ones() -> None:
    rows = [posting(n, day(0), "-100", None, **CASH) for n in (1, 2)] + [posting(3, day(0), "7", "7", 2)]
    assert [row["severity"] for row in small_bank(rows).breaks(day(0), day(0), "duplicate_posting")] == ["warn"]


@pytest.mark.parametrize("constant", ["0", "12.50"])
def test_one_balance_everywhere_is_not_checked_and_it_is_said(constant: str) -> None:
    bank = filled([constant] * (FILLER_POSTINGS + 10))
    night = day(FILLER_POSTINGS // 10)
    findings = bank.night(night, bank.state(night))
    assert findings.skipped[-1] == (
        f"Skipped balance_chain and interest_amount: all balances of the look-back are {float(constant):.2f}."
    )
    found = {(row["check_code"], row["severity"]) for row in findings.breaks.to_pylist()}
    assert found == {("duplicate_posting", "warn")}
    assert findings.state == bank.state(night + timedelta(1))


def test_one_other_balance_or_too_few_postings_and_the_chain_is_checked() -> None:
    few, varied = ["0"] * (FILLER_POSTINGS - 1), ["1", *["0"] * FILLER_POSTINGS]
    for bank in (filled(few), filled(varied)):
        night = max(bank.postings["trans_date"].to_pylist())
        findings = bank.night(night, bank.state(night))
        assert not any("balance_chain" in sentence for sentence in findings.skipped)
        assert "balance_chain" in findings.breaks["check_code"].to_pylist()


def test_a_bank_without_balances_is_told_so() -> None:
    bank = filled([None] * 10)
    findings = bank.night(FIRST, bank.state(FIRST))
    assert findings.skipped[-1] == (
        "Skipped balance_chain and interest_amount: no posting of the look-back has a balance."
    )
    assert "balance_chain" not in findings.breaks["check_code"].to_pylist()


def test_interest_without_balances_stops_nothing() -> None:
    rows = [posting(n, FIRST, "5", None, account_id=n, category="IC") for n in range(1, 31)]
    accounts = [{"account_id": n, "create_date": FIRST} for n in range(1, 31)]
    assert small_bank(rows, fin_account=accounts).breaks(FIRST, FIRST, "interest_amount") == []
