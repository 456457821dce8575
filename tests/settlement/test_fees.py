"""Fees against the peers': one that is off, a tariff that changes, too few to tell."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.settlement.banks import posting, small_bank

LAST, NOW = date(1994, 4, 30), date(1994, 5, 31)


def breaks(last_fees: list[str], fees: list[str]) -> list[dict[str, Any]]:
    """Breaks of May, account by account, after the fees of April."""
    accounts = [{"account_id": n, "create_date": date(1990, 1, 1), "frequency": "M"} for n in range(1, 50)]
    rows = [posting(n, LAST, f"-{fee}", "0", n, category="ST") for n, fee in enumerate(last_fees, start=1)]
    rows += [posting(100 + n, NOW, f"-{fee}", f"-{fee}", n, category="ST") for n, fee in enumerate(fees, start=1)]
    return small_bank(rows, fin_account=accounts).breaks(NOW, NOW, "fee_amount")


def test_a_fee_that_is_not_the_peers_is_an_error() -> None:
    (found,) = breaks([], ["14.60"] * 9 + ["146.00"])
    assert (found["account_id"], float(found["expected"]), float(found["actual"])) == (10, 14.6, 146)
    assert "other accounts with statement frequency M pay 14.60, a difference of 131.40" in found["text"]


def test_few_fees_tonight_are_measured_by_the_look_back() -> None:
    assert [b["account_id"] for b in breaks(["14.60"] * 9, ["14.60", "41.60"])] == [2]


def test_a_new_tariff_flags_nobody_but_who_still_pays_the_old_one() -> None:
    assert breaks(["14.60"] * 9, ["16.00"] * 9) == []
    assert breaks(["14.60"] * 9, ["16.00"] * 3) == []
    assert [b["account_id"] for b in breaks(["14.60"] * 9, ["16.00"] * 9 + ["14.60"])] == [10]


def test_what_gives_a_part_of_a_fee_back_is_no_fee() -> None:
    accounts = [{"account_id": n, "create_date": date(1990, 1, 1), "frequency": "M"} for n in range(1, 30)]
    fees = [posting(n, LAST, "-14.60", "0", n, category="ST") for n in range(1, 10)]
    partly_back = [posting(100 + n, NOW, "5", "5", n, category="ST") for n in range(1, 10)]
    bank = small_bank([*fees, *partly_back, posting(200, NOW, "-14.60", "0", 20, category="ST")], fin_account=accounts)
    assert bank.breaks(NOW, NOW, "fee_amount") == []


def test_too_few_peers_say_nothing() -> None:
    assert breaks([], ["14.60"] * 3 + ["146.00"]) == []
