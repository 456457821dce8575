"""Has extracts written by a process of their own, which can be ended: Hyper is compiled and heeds no time limit."""

from __future__ import annotations

import json
import os
import signal
import subprocess  # nosec B404
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Timer
from typing import IO, Self

import psutil
import pyarrow as pa

from include.errors import ExtractError
from include.settings import PROJECT_ROOT
from include.tableau.hyper_file import TableRows


class HyperProcess:
    """A process that writes extracts, started for the first one; after an error it is of no more use."""

    def __init__(self) -> None:
        self._started: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._started is not None:
            _end(self._started)
            self._started.communicate()

    def write(self, path: Path, tables: Mapping[str, TableRows], seconds: float) -> None:
        """Write tables into a new .hyper file that is checked, as `write_hyper` does.

        Parameters
        ----------
        path
            The file.
        tables
            Rows by table.
        seconds
            How long it may take; the process and Hyper are ended then.

        Raises
        ------
        ExtractError
            As `write_hyper`, and when the time is over or the process ended by itself.
        """
        process = self._process()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - pipes
        with _ended_after(process, seconds) as is_late:
            # Who has ended reads nothing more, and has said why.
            with suppress(BrokenPipeError):
                _send(process.stdin, path.absolute(), tables)
            answer = process.stdout.readline()
        if is_late.is_set():
            raise _late(path)
        if answer != b"\n":
            raise ExtractError(answer.decode() or _crash(path, process), place=str(path))

    def _process(self) -> subprocess.Popen[bytes]:
        if self._started is None:
            command, pipe = [sys.executable, "-W", "ignore", "-m", "include.tableau.hyper_worker"], subprocess.PIPE
            # A session of its own, by which Hyper, which it starts, is found and ended with it.
            self._started = subprocess.Popen(  # noqa: S603 # nosec B603 - our own module
                command, cwd=PROJECT_ROOT, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        return self._started


def _send(sink: IO[bytes], path: Path, tables: Mapping[str, TableRows]) -> None:
    order = {"file": str(path), "rows": {name: rows.count for name, rows in tables.items()}}
    sink.write(json.dumps(order).encode() + b"\n")
    for rows in tables.values():
        sink.write(rows.schema.serialize())
    for rows in tables.values():
        with pa.ipc.new_stream(sink, rows.schema) as stream:
            for batch in rows.batches:
                stream.write_batch(batch)
    sink.flush()


@contextmanager
def _ended_after(process: subprocess.Popen[bytes], seconds: float) -> Iterator[Event]:
    """End a process and what it started if the block takes longer; the event tells whether it did."""
    is_late = Event()

    def end() -> None:
        is_late.set()
        _end(process)

    timer = Timer(max(seconds, 0), end)
    timer.start()
    try:
        yield is_late
    finally:
        timer.cancel()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started: Hyper has a group of its own, but stays in the session."""
    # The number of a process that was waited for may be another's by now.
    for pid in psutil.pids() if process.returncode is None else ():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == process.pid:
                os.kill(pid, signal.SIGKILL)


def _late(path: Path) -> ExtractError:
    return ExtractError(
        f"{path.name} was not ready when the time for writing extracts was over, so that Hyper was ended, and the "
        "extract before stays: see that this machine can run Hyper and is not overloaded, then write the extracts "
        "again (python -m include extract), or do without them (ADS_EXTRACTS=off)",
        place=str(path),
    )


def _crash(path: Path, process: subprocess.Popen[bytes]) -> str:
    """A sentence on a process that ended without one."""
    _, failure = process.communicate()
    last = next(reversed(failure.decode(errors="replace").strip().splitlines()), "it said nothing")
    return (
        f"the process that writes {path.name} ended with code {process.returncode} ({last}), and the extract before "
        "stays: see that the machine has memory left, then write the extracts again (python -m include extract), or "
        "do without them (ADS_EXTRACTS=off)"
    )
