"""Pictures of every page over a night of the real bank, at a desk and on a telephone: for the docs, and to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import pytest

from include.lake import Lake
from include.settings import Settings
from tests.browser.conftest import play
from tests.browser.looks import look_at_all
from tests.browser.pages import addresses_of
from tests.browser.visitors import DESK, TELEPHONE, Chromium
from tests.plugins.behind_a_server import console_for

pytestmark = [pytest.mark.long]

NIGHTS = [date(1994, 1, 31)]
"""The last night of the real bank: a month's end, on which interest, fees and orders meet."""


@dataclass(frozen=True)
class RealBank:
    """The console over the real bank.

    Attributes
    ----------
    address
        Where it answers.
    settings
        Settings of its lake.
    nights
        Published nights.
    """

    address: str
    settings: Settings
    nights: list[date]

    def finding(self) -> str:
        """The most urgent flagged posting."""
        found = (
            Lake.open(self.settings.lake_uri, self.settings).read("mart_findings_masked").sort_by("rank").to_pylist()
        )
        return str(next(row["finding_id"] for row in found if row["kind"] == "score"))

    def html(self, path: str) -> str:
        """A page of the console as an administrator gets it."""
        return httpx.get(self.address + path, timeout=120).raise_for_status().text


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory, pkdd: Path) -> Iterator[RealBank]:
    folder = tmp_path_factory.mktemp("real")
    settings = Settings(lake_uri=f"file:{folder / 'lake'}", key_file=folder / "keys" / "lake.key")
    named = {
        "ADS_SOURCE_URI": f"file:{pkdd}",
        "ADS_LAKE_URI": settings.lake_uri,
        "ADS_KEY_FILE": str(settings.key_file),
    }
    play(named, NIGHTS)
    with console_for("ADMIN", settings) as address:
        yield RealBank(address, settings, NIGHTS)


@pytest.mark.parametrize("width", [DESK, TELEPHONE])
def test_every_page_shows_the_real_bank(bank: RealBank, chromium: Chromium, width: int) -> None:
    page = chromium.new_page(base_url=bank.address, viewport={"width": width, "height": 800})
    seen = look_at_all(page, addresses_of(bank), f"real-{width}")
    assert {name: look.status for name, look in seen.items()} == dict.fromkeys(seen, 200)
    assert {name: look.violations for name, look in seen.items() if look.violations} == {}
    assert width == DESK or {name: look.too_wide for name, look in seen.items() if look.too_wide} == {}
    page.close()
