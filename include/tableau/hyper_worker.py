"""The process that writes extracts, one after the other: `python -m include.tableau.hyper_worker`.

For each extract there come, through the standard input, a line of JSON with its `file` and the number of `rows` by
table, then Arrow's messages: the columns of every table, and a stream of rows for each. An empty line on the standard
output says that the file is written; a sentence says what is wrong, and ends the process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import pyarrow as pa

from include.errors import ExtractError
from include.tableau.hyper_file import TableRows, write_hyper


def main(source: IO[bytes], answers: IO[str]) -> int:
    """Write all that comes in; the process's exit code."""
    try:
        while line := source.readline():
            order = json.loads(line)
            write_hyper(Path(order["file"]), _tables(order["rows"], source))
            answers.write("\n")
            answers.flush()
    except ExtractError as error:
        answers.write(str(error))
        return 1
    return 0


def _tables(counts: Mapping[str, int], source: IO[bytes]) -> dict[str, TableRows]:
    schemas = {name: pa.ipc.read_schema(pa.ipc.read_message(source)) for name in counts}
    return {name: TableRows(schemas[name], count, _received(source)) for name, count in counts.items()}


def _received(source: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """The batches of the next stream; Hyper takes the tables one after the other, in the order they were named."""
    with pa.ipc.open_stream(source) as stream:
        yield from stream


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout))
