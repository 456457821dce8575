"""What lies in quarantine, and what it says of the breaks it may explain."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from include.identifiers import unmarked
from include.settlement.findings import Break, Correction
from include.settlement.quarantine import Refusals

SINCE, DAY = date(2024, 4, 20), date(2024, 5, 1)
FOUND = Break(
    code="missing_fee",
    account_id=5,
    trans_id=None,
    text="Account 5 was not charged.",
    correction=Correction("insert", None, "amount", "-30.00"),
)


def test_a_record_of_the_account_makes_a_warning_without_an_insert() -> None:
    excused = Refusals({(DAY, 5): 1}).excuse(FOUND, SINCE)
    assert (excused.severity, excused.correction) == ("warn", None)
    assert unmarked(excused.text).endswith(
        "Account 5 has 1 quarantined record since 2024-04-20: what is missing here may be it, so look there first."
    )


def test_a_record_whose_account_is_unknown_is_named_and_the_error_stays() -> None:
    excused = Refusals({(DAY, None): 1, (DAY, 6): 3}).excuse(FOUND, SINCE)
    assert (excused.severity, excused.correction) == ("error", FOUND.correction)
    assert excused.text == (
        "Account 5 was not charged. Of 1 quarantined record since 2024-04-20 the account could not be read: what is "
        "missing here may be it, so look there first."
    )


def test_a_finding_of_the_whole_bank_names_all_records() -> None:
    excused = Refusals({(DAY, None): 1, (DAY, 6): 3}).excuse(replace(FOUND, account_id=None), SINCE)
    assert excused.severity == "error"
    assert "The bank has 4 quarantined records since 2024-04-20" in excused.text


@pytest.mark.parametrize("counts", [{}, {(DAY, 6): 1}, {(date(2024, 4, 1), 5): 1, (date(2024, 4, 1), None): 1}])
def test_others_records_and_earlier_ones_say_nothing(counts: dict[tuple[date, int | None], int]) -> None:
    assert Refusals(counts).excuse(FOUND, SINCE) == FOUND
