"""Runs nights and kills each at one more of its effects; started by test_kills as a program of its own."""

import json
import sys
from datetime import date
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.lake import nights
from tests.lake.killing import NEVER, in_child


def publish(folder, night, run):
    nights.publish_night(nights.open_lake(folder), nights.stamp_of(run, night))


def main(folder, first, old):
    """Night by night: publish it by the run `old` (none when empty), then kill the run `b` one effect later."""
    night, deadly = date.fromisoformat(first), 1
    while True:
        if old:
            in_child(partial(publish, folder, night, old), NEVER)
        effects = in_child(partial(publish, folder, night, "b"), deadly)
        print(json.dumps([night.isoformat(), effects]), flush=True)
        if effects is not None:
            return
        night, deadly = date.fromordinal(night.toordinal() + 1), deadly + 1


if __name__ == "__main__":
    main(*sys.argv[1:])
