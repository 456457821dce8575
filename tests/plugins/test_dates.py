"""Addresses that name the first and the last day that there are are answered, and soon."""

from __future__ import annotations

import pytest

from plugins.settlement_console.explore import districts
from tests.plugins.finding.bank import SCORED


@pytest.mark.parametrize(
    "address",
    [
        "/nights/{}",
        "/explore?to={}",
        "/explore?from=0001-01-01&to={}",
        "/queue?from={}",
        "/quarantine?before={}",
        f"/findings/{SCORED}/account?until={{}}",
    ],
)
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_any_day_is_answered(visit, monkeypatch: pytest.MonkeyPatch, address: str, day: str) -> None:
    months = []
    looked = districts._within
    monkeypatch.setattr(districts, "_within", lambda *given: months.append(given) or looked(*given))
    assert visit("USER").get(address.format(day)).status_code in (200, 404)
    assert len(months) <= 1, "months were looked up in which nothing is published"
