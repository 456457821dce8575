"""Plays nights with whatever version of the code `include` finds, and prints the output hash of each as JSON.

Gets the source's address, the lake's, and the first and last night.
"""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta

from include.lake import Lake
from include.night import NightRequest, run_night


def main(source_uri: str, lake_uri: str, first: str, last: str) -> None:
    """Play every night from the first to the last, in order."""
    nights = [night.isoformat() for night in _nights(date.fromisoformat(first), date.fromisoformat(last))]
    for night in nights:
        run_night(NightRequest.of(night, source_uri, lake_uri))
    lake = Lake.open(lake_uri)
    print(json.dumps({night: lake.published(date.fromisoformat(night))["output_hash"] for night in nights}))


def _nights(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


if __name__ == "__main__":
    main(*sys.argv[1:])
