"""Loans: the due day is learned, the instalments are counted, the amounts compared within the loan's rounding."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.settlement.banks import Bank, chained, posting, small_bank

LOAN = {"loan_id": 5, "account_id": 1, "granted_date": date(1993, 1, 12), "duration": 3, "payments": 300, "status": "B"}


def bank(payments: list[tuple[date, str]], loan: dict[str, Any] | None = None, others: tuple[int, ...] = ()) -> Bank:
    """Payments of one loan; `others` are days of January on which another account pays its loan."""
    events = [(date(1992, 12, 1), "90000", {}), *[(d, f"-{a}", {"category": "LO"}) for d, a in payments]]
    other = {"loan_id": 6, "account_id": 2, "granted_date": date(1992, 1, 1), "duration": 60, "payments": 10}
    paid = [
        posting(100 + n, date(1993, month, day), "-10", str(-10 * n), 2, category="LO")
        for n, (month, day) in enumerate([(m, d) for m in range(1, 8) for d in others], start=1)
    ]
    return small_bank([*chained(events), *paid], fin_loan=[{**LOAN, **(loan or {})}, other])


def codes(found: Bank, last: date = date(1993, 7, 31)) -> list[tuple[str, date]]:
    rows = found.breaks(date(1993, 1, 1), last)
    return [(r["check_code"], r["settlement_date"]) for r in rows if r["account_id"] == 1]


def test_an_unpaid_loan_is_missed_from_the_banks_due_day_as_often_as_agreed() -> None:
    missed = [date(1993, 2, 15), date(1993, 3, 15), date(1993, 4, 15)]
    assert codes(bank([], others=(12,))) == [("missed_loan_payment", day) for day in missed]


def test_without_a_usual_due_day_the_first_payment_sets_it() -> None:
    assert codes(bank([])) == []
    assert codes(bank([(date(1993, 2, 20), "300")])) == [
        ("missed_loan_payment", date(1993, 3, 23)),
    ]


def test_paid_loans_are_silent_and_need_nothing_after_the_last_instalment() -> None:
    paid = [(date(1993, month, 12), "300") for month in (2, 3, 4)]
    assert codes(bank(paid, others=(12,))) == []


@pytest.mark.parametrize(("amount", "is_wrong"), [("300.05", False), ("300.06", True), ("30", True)])
def test_amounts_agree_within_five_roundings(amount: str, is_wrong: bool) -> None:
    found = codes(bank([(date(1993, 2, 12), amount)], others=(12,)), date(1993, 2, 28))
    assert found == ([("loan_payment_amount", date(1993, 2, 12))] if is_wrong else [])


def test_status_is_never_used(crowns: Bank) -> None:
    loans = crowns.statics["fin_loan"]
    blank = loans.set_column(loans.schema.get_field_index("status"), "status", [["A"] * loans.num_rows])
    other = Bank(crowns.postings, {**crowns.statics, "fin_loan": blank}, crowns.rounding_cents)
    nights = date(1994, 1, 12), date(1994, 1, 15)
    assert other.breaks(*nights) == crowns.breaks(*nights)


def test_the_one_real_loan_never_paid_is_missed_every_month(crowns: Bank) -> None:
    found = crowns.breaks(date(1993, 7, 10), date(1993, 7, 16)) + crowns.breaks(date(1994, 1, 10), date(1994, 1, 20))
    loan = [(b["check_code"], b["account_id"], b["settlement_date"]) for b in found if "loan" in b["check_code"]]
    assert loan == [
        ("missed_loan_payment", 1787, date(1993, 7, 15)),
        ("missed_loan_payment", 1787, date(1994, 1, 15)),
    ]
