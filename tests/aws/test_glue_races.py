"""Processes that publish the same night at once on S3 and Glue: one wins, nothing is doubled and nothing lost."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from include.settings import PROJECT_ROOT
from tests.lake.nights import KEYED, night_number, open_lake, publish_night, seen, stamp_of, whole

RUNS, RACES = "abcd", 20


def _started(uri, namespace, run):
    command = [sys.executable, "-m", "tests.aws.racing", uri, namespace, run, str(RACES)]
    return subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _race(processes):
    """How each process ended that was told to publish the next night."""
    for process in processes.values():
        process.stdin.write("\n")
        process.stdin.flush()
    return {run: process.stdout.readline().strip() for run, process in processes.items()}


def _rows(lake, night):
    return {(row["table"], row["run_key"][0]): row["row_count"] for row in lake.census(night).to_pylist()}


@pytest.mark.long
def test_twenty_races_of_one_night(bucket, capsys):
    uri, namespace = f"s3://{bucket}/races", "races"
    processes = {run: _started(uri, namespace, run) for run in RUNS}
    ends, began = [], time.monotonic()
    for number in range(RACES):
        night, found = night_number(number), _race(processes)
        assert set(found.values()) <= {"published", "lost"}, found
        lake = open_lake(uri, catalog_uri="glue:", namespace=namespace)
        winner = lake.published(night)["run_key"][0]
        assert found[winner] == "published"
        # Who published before the winner is gone from the tables; who lost has left rows that no reader sees.
        assert seen(lake, night) == whole(winner)
        rows = _rows(lake, night)
        assert set(rows.values()) == {3}
        assert {run for _, run in rows} <= {winner, *(run for run in RUNS if found[run] == "lost")}
        assert lake.read("fin_account").num_rows == 3
        ends.append(found)
    for process in processes.values():
        process.communicate()
        assert process.returncode == 0
    # A run again takes away what the losers left.
    publish_night(lake, stamp_of("a", night))
    assert _rows(lake, night) == {(table.name, "a"): 3 for table in KEYED}
    published = sum(list(found.values()).count("published") for found in ends)
    with capsys.disabled():
        print(
            f"\n{RACES} races of {len(RUNS)}: {published} published, {RACES * len(RUNS) - published} lost, "
            f"{time.monotonic() - began:.0f} s"
        )
