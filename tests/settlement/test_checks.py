"""A whole night: the same in both dialects, the same when replayed, and honest about what it could not check."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from include.lake.tables import BREAKS_SCHEMA
from tests.settlement.banks import Bank, posting, small_bank

# The nights on which orders and loans are due and their misses reported; the whole 13 months take a minute.
NIGHTS = {"crowns": (date(1994, 1, 8), date(1994, 1, 18)), "tenths": (date(2014, 1, 8), date(2014, 1, 18))}


def damaged(bank: Bank) -> Bank:
    """The bank with every 97th posting lost."""
    rows = sorted(bank.postings.to_pylist(), key=lambda r: r["trans_id"])
    return bank.with_rows([r for n, r in enumerate(rows) if n % 97])


def comparable(row: dict[str, Any], scale: int) -> tuple[Any, ...]:
    night = row["settlement_date"]
    money = [None if row[k] is None else round(float(row[k]) * scale, 1) for k in ("expected", "actual", "difference")]
    date_in_crowns = night.replace(year=night.year - (20 if scale == 10 else 0))
    return date_in_crowns, row["check_code"], row["account_id"], row["trans_id"], row["severity"], *money


def test_both_dialects_break_alike_but_for_dates_and_scale(crowns: Bank, tenths: Bank) -> None:
    found = damaged(crowns).breaks(*NIGHTS["crowns"])
    shifted = damaged(tenths).breaks(*NIGHTS["tenths"])
    codes = Counter(row["check_code"] for row in found)
    assert codes["balance_chain"] > 20
    assert codes["missed_standing_order"] > 2
    assert [comparable(r, 1) for r in found] == [comparable(r, 10) for r in shifted]


@pytest.mark.parametrize("dialect", NIGHTS)
def test_real_nights_break_only_where_something_is_odd(dialect: str, request: pytest.FixtureRequest) -> None:
    bank: Bank = request.getfixturevalue(dialect)
    found = Counter((r["check_code"], r["severity"]) for r in bank.breaks(*NIGHTS[dialect]))
    assert found == {("missed_loan_payment", "error"): 1, ("duplicate_posting", "warn"): 4}


def test_a_night_replayed_or_shuffled_finds_the_same(crowns: Bank) -> None:
    bank = damaged(crowns)
    night = date(1994, 1, 31)
    state = bank.state(night)
    first = bank.night(night, state)
    backwards = bank.with_rows(bank.postings.to_pylist()[::-1])
    assert backwards.night(night, state).breaks.equals(first.breaks)
    assert first.breaks.schema == BREAKS_SCHEMA


def test_absent_relations_are_named_and_what_needs_none_still_runs(crowns: Bank) -> None:
    required = ("fin_account", "fin_client", "fin_disposition")
    bank = Bank(crowns.postings, {name: crowns.statics[name] for name in required}, crowns.rounding_cents)
    night = date(1994, 1, 17)
    findings = bank.night(night, bank.state(night))
    assert findings.skipped == (
        "Skipped missed_standing_order and standing_order_amount: the source has no fin_order.",
        "Skipped missed_loan_payment and loan_payment_amount: the source has no fin_loan.",
        "Skipped card_without_card: the source has no fin_card.",
        "Skipped unknown_reference for districts: the source has no fin_district.",
    )
    assert set(findings.breaks["check_code"].to_pylist()) == {"duplicate_posting"}
    assert crowns.night(night, crowns.state(night)).skipped == ()


def test_a_night_without_postings_still_sees_what_is_missed() -> None:
    bank = small_bank([])
    findings = bank.night(date(1994, 1, 1), bank.state(date(1994, 1, 1)))
    assert findings.breaks.num_rows == 0
    assert findings.state.first_date is None


def test_amounts_at_the_columns_limit_do_not_stop_the_night() -> None:
    day = date(1994, 5, 5)
    rows = [posting(1, day, "9999999999.99", "9999999999.99"), posting(2, day, "9999999999.99", "-9999999999.99")]
    (row,) = small_bank(rows).breaks(day, day, "balance_chain")
    assert row["difference"] is None
    assert pa.Table.from_pylist([row], BREAKS_SCHEMA).num_rows == 1
