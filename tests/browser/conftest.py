"""Chromium, and a real Airflow with nights of a made-up bank that lie around today, so that decisions act."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.lake import Lake
from include.settings import PROJECT_ROOT, Settings
from local.postgres import LocalPostgres
from tests.browser.bank import lay_out_bank
from tests.browser.visitors import Chromium, chromium_of
from tests.conftest import require
from tests.served import Server, ready, served

BEFORE_TODAY = 3
"""Nights that are published before anybody looks."""


@dataclass(frozen=True)
class Watch:
    """A running Airflow, and the lake of its bank.

    Attributes
    ----------
    server
        The server.
    settings
        The environment that it was started with, beside the tests' own.
    nights
        Published nights, the newest last.
    today
        The date after them, whose night nobody has played yet.
    """

    server: Server
    settings: dict[str, str]
    nights: list[date]
    today: date

    def read(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table of the lake."""
        uri, key_file = self.settings["ADS_LAKE_URI"], Path(self.settings["ADS_KEY_FILE"])
        return Lake.open(uri, Settings(lake_uri=uri, key_file=key_file)).read(table).to_pylist()

    def finding(self, kind: str = "score") -> str:
        """The id of a finding of a kind: of a flagged posting, or of a break."""
        found = [row["finding_id"] for row in self.read("mart_findings_masked") if row["kind"] == kind]
        assert found, f"no night of the bank has a finding of the kind {kind}"
        return str(found[0])

    def html(self, path: str) -> str:
        """A page of the console as an administrator gets it."""
        with self.server.logged_in("admin") as admin:
            return admin.get(path).raise_for_status().text


@pytest.fixture(scope="session")
def watch(tmp_path_factory: pytest.TempPathFactory, postgres_server: LocalPostgres, executable: str) -> Iterator[Watch]:
    folder, today = tmp_path_factory.mktemp("watch"), datetime.now(UTC).date()
    nights = [today - timedelta(days=days) for days in range(BEFORE_TODAY, 0, -1)]
    # Whoever decides around midnight decides for tomorrow's night.
    bank = lay_out_bank(folder / "bank", nights, today + timedelta(days=1))
    settings = {
        "ADS_SOURCE_URI": bank,
        "ADS_LAKE_URI": f"file:{folder / 'lake'}",
        "ADS_KEY_FILE": str(folder / "keys" / "lake.key"),
        # Of few postings a night, so many are flagged that there are reasons to look at.
        "ADS_ALERT_BUDGET": "0.3",
    }
    with served(folder / "airflow", postgres_server, "browser", settings) as server:
        # While Airflow starts.
        play(settings, nights)
        yield Watch(ready(server), settings, nights, today)


def play(settings: dict[str, str], nights: list[date]) -> None:
    """Play nights in a process of their own."""
    places = (settings["ADS_SOURCE_URI"], settings["ADS_LAKE_URI"], str(nights[0]), str(nights[-1]))
    command = [sys.executable, "-W", "ignore", "-m", "tests.night.play_nights", *places]
    subprocess.run(command, check=True, env={**os.environ, **settings}, cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def executable() -> str:
    """Debian's chromium."""
    found = shutil.which("chromium")
    if found is None:
        require("chromium", "there is no chromium on the path: apt-get install chromium")
    return found


@pytest.fixture(scope="module")
def chromium(executable: str) -> Iterator[Chromium]:
    """A browser for one file of tests: as long as it is open, nothing else in the process may run an event loop."""
    with chromium_of(executable) as browser:
        yield browser
