"""A proxy before a stand-in that fails as networks and services do, one fault at a time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from local.ports import choose_port
from local.stand_ins import PROGRAMS

# It drops `Content-Length` from every answer, and a HEAD request asks for nothing else: objects would look empty.
_PROGRAM = """
import microburst.forward
from microburst.cli import main

microburst.forward.HOP_BY_HOP -= {"content-length"}
main()
"""
_START_SECONDS = 60
# It listens where Airflow and the stand-ins do not.
_FIRST_PORT = 19_000


class FaultProxy:
    """A running proxy; without a fault it hands everything on."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._control = httpx.Client(base_url=f"{address}/_microburst", timeout=30)

    @classmethod
    @contextmanager
    def before(cls, upstream: str, folder: Path) -> Iterator[Self]:
        """A proxy before a stand-in, which stops at the end of the block."""
        port = choose_port("", _FIRST_PORT)
        arguments = ["--upstream", upstream, "--host", "127.0.0.1", "--port", str(port)]
        with (folder / f"proxy-{port}.log").open("wb") as log:
            process = subprocess.Popen([str(PROGRAMS / "python"), "-c", _PROGRAM, *arguments], stdout=log, stderr=log)
        try:
            proxy = cls(f"http://127.0.0.1:{port}")
            proxy._await()
            yield proxy
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def failing(self, **rule: Any) -> Iterator[None]:
        """Fail as one rule of the proxy says; a rule that never took effect fails the test."""
        self._control.delete("/fired").raise_for_status()
        self._control.post("/rules", json=[{"service": "*", **rule}]).raise_for_status()
        try:
            yield
            assert self.fired(), f"the fault {rule} met no request"
        finally:
            self._control.post("/rules", json=[]).raise_for_status()

    def fired(self) -> list[dict[str, Any]]:
        """What it failed since the last rule was given."""
        answer = self._control.get("/fired").json()
        return list(answer["fired"] if isinstance(answer, dict) else answer)

    def _await(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._control.get("/health").raise_for_status()
                return
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the proxy did not start"
                time.sleep(0.05)
