"""A lake before and after its maintenance: files, bytes, and what it takes to plan and to read one night.

`python -m tests.benchmark.upkeep LAKE` measures a lake in place, and maintains it as if it were three and six days
later, so that what the nights replaced is out of use. It then cuts the newest nights away and maintains what is left,
to show how the costs of one night depend on the number of nights: give it a copy, in the place that it was played in.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from include.lake import Lake
from include.lake.data_files import data_files, night_column
from include.maintenance import Figures, Maintenance, maintain
from include.maintenance.retention import remove_rows
from include.night import verify
from include.settings import Settings, get_settings

PLANNED, READ = "fin_transaction", ("anomaly_scores", "alerts", "fin_transaction")
_REPETITIONS = 40
_SHORTER = (120, 30)


def costs(lake_uri: str, settings: Settings) -> dict[str, dict[str, float]]:
    """Milliseconds to plan and to read the first, the middle and the last night.

    A plan and a read begin with a lake that is opened anew, as a process that looks at one night does. The fastest of
    the repetitions counts: whatever else the machine does only adds to it.
    """
    nights: list[date] = Lake.open(lake_uri, settings).manifest()["settlement_date"].to_pylist()
    chosen = {"first": nights[0], "middle": nights[len(nights) // 2], "last": nights[-1]}
    return {
        f"{name} night, {night}": {
            "plan_ms": _plan(lake_uri, settings, night),
            "read_ms": _read(lake_uri, settings, night),
        }
        for name, night in chosen.items()
    }


def _plan(lake_uri: str, settings: Settings, night: date) -> float:
    work = Maintenance.of(lake_uri, settings, datetime.now(UTC))
    return _fastest(lambda: data_files(work.catalog.load(PLANNED), night, night))


def _read(lake_uri: str, settings: Settings, night: date) -> float:
    def read() -> None:
        lake = Lake.open(lake_uri, settings)
        for name in READ:
            lake.read(name, night, night)

    return _fastest(read)


def _fastest(act: Callable[[], object]) -> float:
    taken = []
    for _ in range(_REPETITIONS):
        _forget()
        began = time.perf_counter()
        act()
        taken.append(1000 * (time.perf_counter() - began))
    return round(min(taken), 1)


def _forget() -> None:
    """Empty pyiceberg's cache of manifest lists, which a new process does not have."""
    from pyiceberg.manifest import clear_manifest_cache

    clear_manifest_cache()


def measure(lake_uri: str, settings: Settings) -> dict[str, Any]:
    """Figures, costs and the proof of all nights before and after two maintenances, and costs of shorter lakes."""
    found: dict[str, Any] = {"before": _state(lake_uri, settings)}
    for days in (3, 6):
        began = time.monotonic()
        done = maintain(lake_uri, settings, datetime.now(UTC) + timedelta(days=days))["done"]
        found[f"maintenance {days} days later"] = {**done, "seconds": round(time.monotonic() - began, 1)}
    found["after"] = _state(lake_uri, settings)
    for nights in _SHORTER:
        _cut(lake_uri, settings, nights)
        for days in (9, 12):
            maintain(lake_uri, settings, datetime.now(UTC) + timedelta(days=days))
        found[f"with {nights} nights"] = costs(lake_uri, settings)
    return found


def _cut(lake_uri: str, settings: Settings, nights: int) -> None:
    """Leave the oldest nights alone in a lake."""
    work = Maintenance.of(lake_uri, settings, datetime.now(UTC))
    published: list[date] = work.verifier.lake.manifest()["settlement_date"].to_pylist()
    for name, table in work.tables().items():
        if night_column(table) and (newer := data_files(table, published[nights], None)):
            remove_rows(work.catalog, name, newer)


def _state(lake_uri: str, settings: Settings) -> dict[str, Any]:
    tables = Maintenance.of(lake_uri, settings, datetime.now(UTC)).measure()
    began = time.monotonic()
    nights = verify(lake_uri)["nights"]
    return {
        "figures": Figures.total(tables.values()).as_dict(),
        PLANNED: tables[PLANNED].as_dict(),
        "costs": costs(lake_uri, settings),
        "nights verified": nights,
        "seconds to verify": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], get_settings()), indent=2))
