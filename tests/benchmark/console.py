"""How fast the console's pages are: by route, in a lake of a thousand nights with few, some and many findings a night.

The console runs in this process, behind a real server; whoever asks is an investigator whose login is checked. Pages of
runs are left out: they read Airflow's database, not the lake.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-bench-"))

import httpx
from playwright.sync_api import Page

from include.cases import CaseBook
from include.lake import Lake
from include.settings import Settings
from tests.benchmark.long_history import NIGHTS, write_history
from tests.benchmark.results import FOLDER, markdown, merge
from tests.browser.visitors import chromium_of
from tests.plugins.behind_a_server import console_for

FINDINGS = (1, 100, 5_000)
"""A night of the demonstration's bank, of the full one, and of one fifty times as large."""
REQUESTS = 20
"""So that the slowest but one is the 95th percentile."""
LIMITS_MS = {"/nights/{night}": 300, "/queue": 500, "/queue, filtered": 500}
"""What the slowest of twenty requests may take, by route: a decision, as people notice a third of a second."""
PREFIX = "/settlement"


def main() -> None:
    """Measure every route at each number of findings, print the tables, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, nargs="*", default=FINDINGS)
    parser.add_argument("--nights", type=int, default=NIGHTS)
    options = parser.parse_args()
    measured = {str(count): _measure(count, options.nights) for count in options.findings}
    merge("console", measured)
    for count, rows in measured.items():
        print(_table(f"{count} findings a night, {options.nights:,} nights", rows))


def _measure(findings: int, nights: int) -> list[dict[str, Any]]:
    """Each route's figures."""
    settings, last = _lake(findings, nights)
    _follow(settings)
    with console_for("USER", settings) as address:
        with httpx.Client(base_url=address, timeout=600, headers={"accept": "text/html"}, trust_env=False) as client:
            client.cookies.set("_token", "x")
            rows = [_timed(client, route, path) for route, path in _addresses(client, last).items()]
        with chromium_of(shutil.which("chromium") or "chromium") as browser:
            page = browser.new_page(base_url=address)
            return [{**row, **_shown(page, row["path"])} for row in rows]


def _lake(findings: int, nights: int) -> tuple[Settings, date]:
    """The lake, written once and used again."""
    folder = FOLDER / f"console-{findings}-{nights}"
    settings = Settings(lake_uri=f"file:{folder / 'lake'}", key_file=folder / "keys" / "lake.key")
    done = folder / "last"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        last = datetime.now(UTC).date() - timedelta(days=1)
        _say(f"writing {nights:,} nights with {findings:,} findings each ...")
        write_history(settings.lake_uri, settings, last, findings, nights)
        done.write_text(str(last))
    return settings, date.fromisoformat(done.read_text())


def _follow(settings: Settings) -> None:
    """Take every night in before pages are asked for, as the DAG `alerting` does within five minutes of it."""
    began, used = time.perf_counter(), time.process_time()
    CaseBook.open(settings.lake_uri, settings).follow(Lake.open(settings.lake_uri, settings), datetime.now(UTC))
    took, used = time.perf_counter() - began, time.process_time() - used
    _say(f"the nights were taken into the queue in {took:.0f} s, {used:.0f} s of them of the processor")


def _addresses(client: httpx.Client, last: date) -> dict[str, str]:
    """By route: an address that shows as much as there is."""
    finding = f"{last.toordinal():08x}{0:024x}"
    found = {
        "/": "/",
        "/nights/{night}": f"/nights/{last}",
        "/queue": "/queue",
        "/queue, filtered": f"/queue?from={last}&kind=break&least=1000",
        "/cases/{case_id}": _first_case(client),
        "/corrections": "/corrections",
        "/explore": "/explore",
        "/findings/{finding_id}": f"/findings/{finding}",
        "/findings/{finding_id}/account": f"/findings/{finding}/account",
        "/work": "/work",
        "/quarantine": "/quarantine",
        "/models": "/models",
        "/state": "/state",
    }
    return {route: PREFIX + path for route, path in found.items()}


def _first_case(client: httpx.Client) -> str:
    """The address of the queue's first case."""
    _, queue = _request(client, f"{PREFIX}/queue")
    found = re.search(rf'href="{PREFIX}(/cases/[^"?#]+)', queue.raise_for_status().text)
    assert found, "the queue is empty"
    return found[1]


def _timed(client: httpx.Client, route: str, path: str) -> dict[str, Any]:
    """The first request, percentiles of those after it, and the bytes of the answer."""
    first, answer = _request(client, path)
    _say(f"{route}: {answer.status_code}, first {first:.0f} ms")
    began = time.process_time()
    taken = sorted(_request(client, path)[0] for _ in range(REQUESTS))
    computed = time.process_time() - began
    return {
        "route": route,
        "path": path,
        "status": answer.status_code,
        "first_ms": first,
        "p50_ms": statistics.median(taken),
        "p95_ms": taken[round(0.95 * REQUESTS) - 1],
        "cpu_ms": 1000 * computed / REQUESTS,
        "kilobytes": len(answer.content) / 1000,
        "is_over": taken[round(0.95 * REQUESTS) - 1] > LIMITS_MS.get(route, float("inf")),
    }


def _request(client: httpx.Client, path: str) -> tuple[float, httpx.Response]:
    began = time.perf_counter()
    answer = client.get(path)
    return 1000 * (time.perf_counter() - began), answer


def _shown(page: Page, path: str) -> dict[str, float]:
    """What a browser makes of it: all bytes with scripts and styles, and when it can be used and is complete."""
    page.goto(path, wait_until="load")
    timing = page.evaluate(
        """() => {
            const [page] = performance.getEntriesByType("navigation");
            const files = performance.getEntriesByType("resource");
            const bytes = [page, ...files].reduce((sum, entry) => sum + entry.encodedBodySize, 0);
            const moments = {interactive_ms: page.domInteractive, complete_ms: page.loadEventEnd};
            return {weight_kilobytes: bytes / 1000, ...moments};
        }"""
    )
    return dict(timing)


def _table(title: str, rows: list[dict[str, Any]]) -> str:
    times = ["first: ms", "p50: ms", "p95: ms", "CPU: ms"]
    header = ["route", *times, "page: kB", "with scripts: kB", "usable: ms", "complete: ms", ""]
    names = ["first_ms", "p50_ms", "p95_ms", "cpu_ms", "kilobytes", "weight_kilobytes", "interactive_ms", "complete_ms"]
    cells = [
        [f"`{row['route']}`", *(round(row[name]) for name in names), "over" if row["is_over"] else ""] for row in rows
    ]
    return markdown(title, header, cells)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
