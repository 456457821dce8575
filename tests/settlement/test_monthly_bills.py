"""A fee or interest that came in every month before and now did not: once, on its night, and of nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.settlement.banks import Bank, posting, relation, small_bank

MONTHS = [date(2023, 10, 31), date(2023, 11, 30), date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29)]
TOLD = date(2024, 3, 3)
"""The night on which the last of them is missing."""

Row = dict[str, Any]


def bank(change: Callable[[Row], Row | None] = lambda row: row, accounts: int = 8) -> Bank:
    """Accounts with a fee and interest at every month's end, each row kept or changed; account 1 is looked at."""
    rows = []
    for n, day in enumerate(MONTHS):
        for account in range(1, accounts + 1):
            key = 100 * n + account
            rows.append(posting(key, day, "-14.60", "500", account, category="ST", operation="WIC"))
            rows.append(posting(50_000 + key, day, "2.10", "502.10", account, category="IC"))
            rows.append(posting(90_000 + key, day + timedelta(2), "-2.10", "500", account, operation="WIC"))
    kept = [row for row in map(change, rows) if row is not None]
    opened = [{"account_id": n, "create_date": date(1990, 1, 1), "frequency": "M"} for n in range(1, accounts + 1)]
    return small_bank(kept, fin_account=opened)


def without(category: str, *days: date, of: int = 1) -> Callable[[Row], Row | None]:
    def change(row: Row) -> Row | None:
        is_it = row["account_id"] == of and row.get("category") == category and row["trans_date"] in days
        return None if is_it else row

    return change


def found(of: Bank, first: date = TOLD, last: date = TOLD) -> list[Row]:
    return [row for row in of.breaks(first, last) if row["check_code"] in ("missing_fee", "missing_interest")]


def test_nothing_is_missing_where_everything_came() -> None:
    assert found(bank()) == []


def test_a_missing_fee_is_an_error_with_the_others_tariff() -> None:
    (missing,) = found(bank(without("ST", MONTHS[-1])))
    assert (missing["check_code"], missing["severity"], missing["settlement_date"]) == ("missing_fee", "error", TOLD)
    assert (missing["account_id"], missing["trans_id"]) == (1, None)
    assert (str(missing["expected"]), missing["actual"], str(missing["difference"])) == ("14.60", 0, "-14.60")
    assert missing["correction"] == {"action": "insert", "trans_id": None, "field": "amount", "value": "-14.60"}
    assert missing["text"] == (
        "Account 1 was not charged the statement fee due on 2024-02-29: it had not been booked 3 days later, though "
        "each of the 4 months before had one, the last on 2024-01-31. Other accounts with statement frequency M pay "
        "14.60."
    )


def test_missing_interest_warns() -> None:
    (missing,) = found(bank(without("IC", MONTHS[-1])))
    assert (missing["check_code"], missing["severity"]) == ("missing_interest", "warn")
    assert (missing["expected"], missing["actual"], missing["correction"]) == (None, None, None)
    assert missing["text"] == (
        "Account 1 was not credited the interest due on 2024-02-29: it had not been booked 3 days later, though each "
        "of the 4 months before had one, the last on 2024-01-31."
    )


def test_without_a_tariff_a_missing_fee_warns_and_nothing_is_proposed() -> None:
    (missing,) = found(bank(without("ST", MONTHS[-1]), accounts=3))
    assert (missing["check_code"], missing["severity"], missing["correction"]) == ("missing_fee", "warn", None)


def test_the_tariff_is_that_of_this_months_fees() -> None:
    def dearer(row: Row) -> Row | None:
        row = row if row["trans_date"] < MONTHS[-1] or row.get("category") != "ST" else {**row, "amount": 20}
        return without("ST", MONTHS[-1])(row)

    (missing,) = [row for row in found(bank(dearer)) if row["check_code"] == "missing_fee"]
    assert str(missing["expected"]) == "20.00"


def test_it_is_told_once_and_expected_again_after_two_months() -> None:
    twice = bank(without("ST", *MONTHS[3:]))
    told = [night for night in (date(2024, 2, n) for n in (2, 3, 4)) if found(twice, night, night)]
    assert told == [date(2024, 2, 3)]
    assert found(twice) == []


@pytest.mark.parametrize(
    "change",
    [
        without("ST", MONTHS[0], MONTHS[1], MONTHS[2], MONTHS[4]),  # one fee so far: new
        without("ST", MONTHS[1], MONTHS[3], MONTHS[4]),  # every other month has none anyway
        lambda row: None if row["account_id"] == 1 and row["trans_date"] > MONTHS[3] else {**row, "balance": 0},
        lambda row: without("IC", MONTHS[4])({**row, "balance": 0}),  # empty: earns nothing
        lambda row: without("IC", MONTHS[4])({**row, "balance": row["balance"] and -5}),
    ],
    ids=["new", "not every month", "closed", "empty", "overdrawn"],
)
def test_an_account_that_owes_or_earns_nothing_misses_nothing(change: Callable[[Row], Row | None]) -> None:
    assert found(bank(change)) == []


def closing(day: date, left: int) -> Bank:
    """The bank whose account 1 goes on after January's bills and is down to so much on a day; no bill comes after."""
    before = bank(lambda row: None if row["account_id"] == 1 and row["trans_date"] > date(2024, 2, 2) else row)
    payments = [posting(1, date(2024, 2, 5), "-50", "450"), posting(2, day, f"-{450 - left}", str(left))]
    return before.with_rows([*before.postings.to_pylist(), *payments])


@pytest.mark.parametrize(
    ("day", "left", "codes"),
    [
        (date(2024, 2, 10), 0, []),
        (date(2024, 2, 10), 1, ["missing_fee"]),
        (date(2024, 2, 29), 0, ["missing_fee"]),  # still in use when the fee was due
    ],
)
def test_an_account_emptied_before_the_fee_was_due_owes_none(day: date, left: int, codes: list[str]) -> None:
    assert [row["check_code"] for row in found(closing(day, left)) if row["check_code"] == "missing_fee"] == codes


def test_what_the_whole_bank_misses_is_one_finding() -> None:
    fee, interest = found(bank(lambda row: row if row["trans_date"] < MONTHS[-1] else None))
    assert (fee["check_code"], fee["severity"], fee["account_id"]) == ("missing_fee", "warn", None)
    assert (str(fee["expected"]), fee["actual"], fee["correction"]) == ("116.80", 0, None)
    assert fee["text"] == (
        "8 of 8 accounts were not charged the statement fee due on 2024-02-29: it had not been booked 3 days later. "
        "The last time it came to 116.80 in all. The first of them: 1, 2, 3, 4, 5."
    )
    assert (interest["check_code"], interest["severity"], interest["account_id"]) == ("missing_interest", "warn", None)
    assert interest["text"].startswith("8 of 8 accounts were not credited the interest due on 2024-02-29")


def test_what_a_statement_frequency_misses_is_one_finding_and_another_account_its_own() -> None:
    def half(row: Row) -> Row | None:
        is_it = row["account_id"] <= 6 and row.get("category") == "ST" and row["trans_date"] == MONTHS[-1]
        return None if is_it else row

    before = bank(half, accounts=14)
    opened = [{"account_id": n, "create_date": date(1990, 1, 1), "frequency": "MW"[n <= 5]} for n in range(1, 15)]
    weekly = replace(before, statics={**before.statics, "fin_account": relation("fin_account", opened)})
    of_all, alone = sorted(found(weekly), key=lambda row: row["account_id"] or 0)
    assert of_all["text"].startswith("5 of 5 accounts with statement frequency W were not charged the statement fee")
    assert (alone["account_id"], alone["severity"], alone["correction"]["value"]) == (6, "error", "-14.60")


def test_another_statement_frequency_is_another_fee() -> None:
    before = bank(without("ST", MONTHS[-1]))
    now = replace(before, statics={**before.statics, "fin_account": _billed("W")})
    (told,) = list(before.nights(TOLD, TOLD))
    assert told.breaks.num_rows == 1
    (changed,) = list(now.nights(TOLD, TOLD, before.state(TOLD)))
    assert changed.breaks.num_rows == 0


def _billed(frequency: str) -> Any:
    accounts = [{"account_id": n, "create_date": date(1990, 1, 1), "frequency": frequency} for n in range(1, 9)]
    return relation("fin_account", accounts)


@pytest.mark.parametrize("day", [1, 15, 28])
def test_any_day_of_the_month_is_learned(day: int) -> None:
    def on(row: Row) -> Row | None:
        return without("ST", date(2024, 3, day))(
            {**row, "trans_date": (row["trans_date"] + timedelta(5)).replace(day=day)}
        )

    due = date(2024, 3, 31) if day == 28 else date(2024, 3, day)
    missing = found(bank(on), due + timedelta(2), due + timedelta(3))
    assert {row["settlement_date"] for row in missing if row["check_code"] == "missing_fee"} == {due + timedelta(3)}


def test_the_last_banking_day_is_a_months_end() -> None:
    """Friday the 29th of December and March, a Wednesday in January: nothing is missing."""

    def on_banking_days(row: Row) -> Row:
        day = row["trans_date"]
        return {**row, "trans_date": day - timedelta(max(day.weekday() - 4, 0))}

    shifted = bank(on_banking_days)
    assert [row for night in (date(2024, 1, 3), date(2024, 2, 3), TOLD) for row in found(shifted, night, night)] == []


def test_the_state_is_the_same_night_by_night_and_in_one_pass() -> None:
    some = bank(without("ST", MONTHS[2], MONTHS[3]))
    nights = (MONTHS[4] - timedelta(1), MONTHS[4] + timedelta(3))
    state = list(some.nights(*nights))[-1].state
    assert state == some.state(nights[1] + timedelta(1))
    assert state.bills.num_rows == 16


def test_real_accounts_miss_nothing_but_what_is_taken_away(crowns: Bank) -> None:
    night = date(1993, 11, 30)
    billed = sorted(
        r["trans_id"] for r in crowns.postings.to_pylist() if r["trans_date"] == night and r["category"] in ("ST", "IC")
    )
    gone = set(billed[::300])
    kept = [r for r in crowns.postings.to_pylist() if r["trans_id"] not in gone]
    assert found(crowns, date(1993, 12, 3), date(1993, 12, 3)) == []
    lost = {
        (r["account_id"], {"ST": "missing_fee", "IC": "missing_interest"}[r["category"]])
        for r in crowns.postings.to_pylist()
        if r["trans_id"] in gone
    }
    missing = found(crowns.with_rows(kept), date(1993, 12, 3), date(1993, 12, 3))
    assert {(row["account_id"], row["check_code"]) for row in missing} <= lost
    assert len(missing) >= len(lost) - 2  # a bill that was the account's first or second is not expected yet


def test_what_takes_a_fee_back_is_none() -> None:
    def negative(row: Row) -> Row | None:
        is_it = row["account_id"] == 1 and row.get("category") == "ST" and row["trans_date"] == MONTHS[-1]
        return {**row, "amount": -row["amount"]} if is_it else row

    (missing,) = found(bank(negative))
    assert (missing["check_code"], missing["account_id"]) == ("missing_fee", 1)
