"""What pages answer at the edges: the first and the last day that there are, and a lake whose key is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from include.security.keys import local_key
from include.settings import Settings, get_settings
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


@pytest.mark.parametrize("address", ["/", "/queue", "/explore", "/work", "/quarantine", f"/findings/{SCORED}"])
def test_a_lake_whose_key_is_missing_is_not_called_one_before_its_first_night(
    visit, account_bank: Settings, tmp_path: Path, address: str
) -> None:
    browser = visit("VIEWER")
    lost = account_bank.model_copy(update={"key_file": tmp_path / "lake.key"})
    browser.app.dependency_overrides[get_settings] = lambda: lost
    answer = browser.get(address)
    assert (answer.status_code, "restore the key file from its backup" in answer.text) == (503, True)
    assert not lost.key_file.exists()


@pytest.mark.parametrize("address", ["/queue", "/work"])
def test_a_wrong_key_is_told_in_words(visit, account_bank: Settings, tmp_path: Path, address: str) -> None:
    key = tmp_path / "keys" / "lake.key"
    local_key(key)
    browser = visit("VIEWER")
    browser.app.dependency_overrides[get_settings] = lambda: account_bank.model_copy(update={"key_file": key})
    answer = browser.get(address)
    assert answer.status_code == 503
    assert re.search(r"what should be sealed as name keys \(lake [0-9a-f]{32}\) does not verify", answer.text)
    assert "Error" not in answer.text
