"""Publishes nights in a process of its own, each when it is told to, and tells how it ended.

Arguments: address of the lake, its namespace, the run's letter, number of nights.
"""

from __future__ import annotations

import sys

from include.errors import LakeConflictError
from tests.lake.nights import night_number, open_lake, publish_night, stamp_of


def main() -> None:
    """Publish night after night; `lost` where another process published it meanwhile."""
    uri, namespace, run, nights = sys.argv[1:]
    lake = open_lake(uri, catalog_uri="glue:", namespace=namespace)
    for number in range(int(nights)):
        sys.stdin.readline()
        try:
            publish_night(lake, stamp_of(run, night_number(number)))
        except LakeConflictError:
            print("lost", flush=True)
        else:
            print("published", flush=True)


if __name__ == "__main__":
    main()
