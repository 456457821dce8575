"""`make bench`: a night on a bank of full Berka size, beside the same night with a tenth of its history.

Seconds are those of this machine; read the ratios. Every step runs in a process of its own, as Airflow's tasks do.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from demo import generate_bank
from include.night import STEPS
from include.settings import PROJECT_ROOT
from include.sources.database.load import load_bank
from local.postgres import LocalPostgres
from tests.benchmark.results import FOLDER, merge

# The bank the mission names: 4,500 accounts over six years are 1.06 million transactions.
ACCOUNTS, FIRST, LAST = 4500, date(1993, 1, 1), date(1998, 12, 31)
FIRST_NIGHT = LAST - timedelta(days=3)
TENTH_FROM = LAST - (LAST - FIRST) // 10
Row = dict[str, Any]


def main() -> None:
    """Prepare both banks, play their last nights, print the table and write `bench-results.json`."""
    with LocalPostgres.start(FOLDER / "postgres") as postgres:
        sources = {name: _database(postgres, name) for name in ("full", "tenth")}
        rows = [row for name, uri in sources.items() for row in _nights(name, uri)]
        airflow = _airflow_share(sources["full"])
    report = {"stages": rows, "ratio": _ratio(rows), "airflow": airflow, "rows": _row_counts()}
    for key, found in report.items():
        merge(key, found)
    print(_table(rows))
    print(f"\nfull history against a tenth of it, an ordinary night: {report['ratio']:.2f}")
    print(f"Airflow's own share of a night: {airflow['own_seconds']:.1f} s of {airflow['seconds']:.1f} s")


def full_bank() -> Path:
    """The bank of full size, generated once."""
    folder = FOLDER / "bank"
    if not (folder / "fin_transaction.parquet").exists():
        generate_bank(folder, ACCOUNTS, FIRST, LAST, seed=20)
    return folder


def _tenth() -> Path:
    """The same bank as if its first nine tenths had never been recorded."""
    folder = FOLDER / "tenth"
    folder.mkdir(parents=True, exist_ok=True)
    for path in full_bank().glob("fin_*.parquet"):
        table = pq.read_table(path)
        if path.stem == "fin_transaction":
            table = table.filter(pc.field("trans_date") >= TENTH_FROM)
        pq.write_table(table, folder / path.name)
    return folder


def _database(postgres: LocalPostgres, name: str) -> str:
    uri = postgres.create_database(name)
    folder = full_bank() if name == "full" else _tenth()
    load_bank(f"file:{folder}?rounding=0.1", uri)
    return f"{uri}&rounding=0.1"


def _nights(name: str, source_uri: str) -> Iterator[Row]:
    """A model, a first night that builds its state in one pass, and the nights that follow it."""
    lake = fresh_lake(name)
    yield {"bank": name, "kind": "train", **stage("train", FIRST_NIGHT, source_uri, lake)}
    for night in (FIRST_NIGHT + timedelta(days=n) for n in range((LAST - FIRST_NIGHT).days + 1)):
        kind = "first night" if night == FIRST_NIGHT else "month's end" if night == LAST else "night"
        for step, _ in STEPS:
            yield {"bank": name, "kind": kind, **stage(step, night, source_uri, lake)}


def fresh_lake(name: str) -> str:
    """The address of a lake that holds nothing."""
    # A new folder a run: an earlier run's nights would be replayed instead of played.
    return f"file:{FOLDER / f'lake-{name}-{int(time.time())}'}"


def stage(step: str, night: date, source_uri: str, lake_uri: str) -> Row:
    """One step in a process of its own: its seconds, CPU seconds and peak memory."""
    print(f"{night} {step} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmark.stage", step, str(night), source_uri, lake_uri]
    output = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT_ROOT).stdout
    return dict(json.loads(output.splitlines()[-1]))


def _ratio(rows: list[Row]) -> float:
    """Seconds of the ordinary nights with the full history over those with a tenth."""
    return _ordinary(rows, "full") / _ordinary(rows, "tenth")


def _ordinary(rows: list[Row], bank: str) -> float:
    nights: dict[str, float] = {}
    for row in rows:
        if row["bank"] == bank and row["kind"] == "night":
            nights[row["night"]] = nights.get(row["night"], 0.0) + row["seconds"]
    return statistics.mean(nights.values())


def _airflow_share(source_uri: str) -> dict[str, float]:
    """A night through the DAG, and the same steps without Airflow, both with their imports."""
    lake = fresh_lake("airflow")
    stage("train", FIRST_NIGHT, source_uri, lake)
    request = ["--date", str(FIRST_NIGHT), "--source", source_uri, "--lake", lake]
    _seconds(["-m", "include", "night", *request])
    following = ["--date", str(FIRST_NIGHT + timedelta(days=1)), "--source", source_uri, "--lake", lake]
    plain = _seconds(["-m", "include", "night", *following])
    orchestrated = _seconds(["-m", "local.headless", *following])
    return {"seconds": orchestrated, "own_seconds": orchestrated - plain}


def _seconds(arguments: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", *arguments], check=True, capture_output=True, cwd=PROJECT_ROOT)
    return time.perf_counter() - began


def _row_counts() -> dict[str, int]:
    return {
        name: pq.read_metadata(folder / "fin_transaction.parquet").num_rows
        for name, folder in (("full", full_bank()), ("tenth", _tenth()))
    }


def _table(rows: list[Row]) -> str:
    """Mean seconds and peak memory by kind of night and step, both banks side by side."""
    lines = [
        "| night | step | full: s | full: MiB | tenth: s | tenth: MiB |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for kind, step in dict.fromkeys((row["kind"], row["step"]) for row in rows):
        cells = [
            _cells([r for r in rows if (r["bank"], r["kind"], r["step"]) == (b, kind, step)]) for b in ("full", "tenth")
        ]
        lines.append(f"| {kind} | {step} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(rows: list[Row]) -> str:
    seconds = statistics.mean(row["seconds"] for row in rows)
    return f"{seconds:.2f} | {max(row['peak_mib'] for row in rows):.0f}"


if __name__ == "__main__":
    main()
