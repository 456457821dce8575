"""Postings and static rows that point to nowhere, come too early, or need a card."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.settlement.banks import Bank, posting, small_bank

DAY = date(1994, 5, 5)


def found(bank: Bank, first: date = DAY) -> list[tuple[str, int | None, int | None]]:
    return [(b["check_code"], b["account_id"], b["trans_id"]) for b in bank.breaks(first, DAY)]


def test_a_posting_on_an_unknown_account() -> None:
    assert found(small_bank([posting(1, DAY, "5", "5", 99)])) == [("unknown_reference", 99, 1)]


def test_a_posting_before_the_opening() -> None:
    account = {"account_id": 1, "create_date": date(1994, 5, 6)}
    assert found(small_bank([posting(1, DAY, "5", "5")], fin_account=[account])) == [("posted_before_opening", 1, 1)]


def card_bank(**card: Any) -> Bank:
    cards = [{"card_id": 3, "disp_id": 2, "issued_date": DAY, **card}]
    holder = {"disp_id": 2, "client_id": 8, "account_id": 1}
    rows = [posting(1, DAY, "-5", "5", operation="CCW")]
    return small_bank(rows, fin_card=cards, fin_disposition=[holder], fin_client=[{"client_id": 8}])


def test_a_card_withdrawal_needs_a_card_issued_by_then() -> None:
    assert found(card_bank()) == []
    (row,) = card_bank(issued_date=date(1994, 5, 6)).breaks(DAY, DAY)
    assert row["text"] == (
        "Posting 1 is a card withdrawal on account 1, whose first card was issued only on 1994-05-06."
    )
    assert ("card_without_card", 1, 1) in found(card_bank(disp_id=77))


def test_static_rows_are_reported_on_the_night_they_count_from() -> None:
    loan = {"loan_id": 4, "account_id": 88, "granted_date": DAY, "duration": 12, "payments": 5}
    account = {"account_id": 1, "district_id": 9, "create_date": DAY}
    holder = {"disp_id": 2, "client_id": 8, "account_id": 1}
    bank = small_bank(
        [], fin_loan=[loan], fin_account=[account], fin_disposition=[holder], fin_district=[], fin_card=[]
    )
    texts = [b["text"] for b in bank.breaks(date(1994, 5, 1), date(1994, 5, 9))]
    assert texts == [
        "Account 1, valid from 1994-05-05, refers to district 9, which the bank does not know.",
        "Disposition 2, valid from 1994-05-05, refers to client 8, which the bank does not know.",
        "Loan 4, valid from 1994-05-05, refers to account 88, which the bank does not know.",
    ]


def test_nothing_points_to_nowhere_in_the_real_bank(crowns: Bank) -> None:
    assert crowns.breaks(date(1994, 1, 28), date(1994, 1, 31), "unknown_reference") == []
