"""Standing orders: missed, of another amount, ended, and what is none of theirs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.settlement.banks import Bank, chained, small_bank

ORDER = {"order_id": 7, "account_id": 1, "bank_to": "Y<b>", "account_to": 42, "amount": 300, "category": "HH"}
TO_42 = {"operation": "ROB", "other_bank_id": "Y<b>", "other_account_id": 42}


def bank(payments: list[tuple[date, str]], order: dict[str, Any] | None = None, **statics: Any) -> Bank:
    """Payments of one order, after a deposit."""
    order = {**ORDER, **(order or {})}
    paid = {**TO_42, "category": order["category"]}
    events = [(date(1993, 1, 1), "90000", {}), *[(day, f"-{amount}", paid) for day, amount in payments]]
    return small_bank(chained(events), fin_order=[order], **statics)


def months(*amounts: str, day: int = 10) -> list[tuple[date, str]]:
    """One payment a month of 1993; an empty amount is none."""
    return [(date(1993, month, day), amount) for month, amount in enumerate(amounts, start=1) if amount]


def codes(found: Bank, last: date = date(1993, 8, 31)) -> list[tuple[str, date]]:
    return [(row["check_code"], row["settlement_date"]) for row in found.breaks(date(1993, 1, 1), last)]


def test_missed_is_reported_three_days_after_the_due_day() -> None:
    (row,) = bank(months("300", "300", "", "300")).breaks(date(1993, 1, 1), date(1993, 5, 10))
    assert (row["check_code"], row["settlement_date"]) == ("missed_standing_order", date(1993, 3, 13))
    assert row["trans_id"] is None
    assert (float(row["expected"]), float(row["actual"])) == (300, 0)
    assert row["text"] == (
        "Account 1 has not paid standing order 7 to account 42 at bank Yb: 300.00 was due on 1993-03-10 and had not "
        "been booked 3 days later."
    )


def test_counts_only_from_the_second_payment() -> None:
    assert codes(bank(months("300"))) == []
    assert codes(bank(months("300", "", "300")), date(1993, 4, 12)) == []
    assert codes(bank(months("300", "", "300")), date(1993, 4, 13)) == [("missed_standing_order", date(1993, 4, 13))]


def test_ends_after_two_misses_and_wakes_when_paid_again() -> None:
    found = codes(bank(months("300", "300", "", "", "", "300", "")))
    missed = [date(1993, 3, 13), date(1993, 4, 13), date(1993, 7, 13), date(1993, 8, 13)]
    assert found == [("missed_standing_order", day) for day in missed]


@pytest.mark.parametrize(
    ("amounts", "wrong"),
    [
        (["300", "300", "310", "300"], [3]),
        (["300", "310"], [2]),
        (["250", "250", "300"], []),  # the order's row is newer than its first payments
        (["250", "250", "260", "250"], [3]),
        (["300", "300", "350", "350", "350"], [3]),  # paid twice running: the new amount
    ],
)
def test_amount_against_the_order_and_what_was_paid_before(amounts: list[str], wrong: list[int]) -> None:
    expected = [("standing_order_amount", date(1993, month, 10)) for month in wrong]
    assert codes(bank(months(*amounts)), date(1993, len(amounts), 28)) == expected


def test_a_transfer_without_an_order_is_no_order() -> None:
    assert codes(bank(months("300", "300"), {"account_to": 43})) == []


def test_a_loans_payments_are_left_to_the_loan_checks() -> None:
    loan = {"loan_id": 5, "account_id": 1, "granted_date": date(1993, 1, 5), "duration": 24, "payments": 300}
    found = bank(months("300", "300"), {"category": "LO"}, fin_loan=[loan])
    assert {code for code, _ in codes(found, date(1993, 4, 1))} == {"missed_loan_payment"}
    assert {code for code, _ in codes(bank(months("300", "300"), {"category": "LO"}), date(1993, 4, 1))} == {
        "missed_standing_order"
    }


def test_a_real_payment_taken_away_is_missed(crowns: Bank) -> None:
    rows = crowns.postings.to_pylist()
    night = date(1994, 1, 12)
    paid = [r for r in rows if r["trans_date"] == night and r["operation"] == "ROB" and r["category"] == "HH"]
    first = {r["account_id"] for r in rows if r["operation"] == "ROB" and r["trans_date"] < date(1993, 11, 1)}
    lost = next(r for r in paid if r["account_id"] in first)
    found = crowns.with_rows([r for r in rows if r is not lost]).breaks(night, date(1994, 1, 15))
    (missed,) = [b for b in found if b["check_code"] == "missed_standing_order"]
    assert (missed["account_id"], missed["settlement_date"]) == (lost["account_id"], date(1994, 1, 15))
    assert missed["expected"] == lost["amount"]
