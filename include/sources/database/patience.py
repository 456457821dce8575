"""Limits the time that a database may stay silent; this side breaks off longer waits, whatever the server does."""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Any

from include.errors import SourceUnavailableError

# An interrupt that comes between two statements is lost, so that it is repeated.
_AGAIN_SECONDS = 0.1
WATCHER = "patience"
"""Name of the threads that watch connections."""


class Patience:
    """The limit of one connection's silence.

    A limit kept by the server would not help against a server that hangs or is hostile.

    Parameters
    ----------
    where
        Address of the database in a form that people may see.
    seconds
        Longest time without an answer.
    """

    def __init__(self, where: str, seconds: float) -> None:
        self.where = where
        self.seconds = seconds
        self._driver: Any = None
        self._deadline = 0.0
        self._is_over = False
        self._lock = Lock()

    def watch(self, driver_connection: Any) -> None:  # noqa: ANN401 - any driver's own
        """Name the connection that is broken off."""
        self._driver = driver_connection

    def heard(self) -> None:
        """Begin the wait anew: something has come."""
        self._deadline = time.monotonic() + self.seconds

    @contextmanager
    def limit(self) -> Iterator[None]:
        """Break the connection off when nothing was heard for too long.

        Raises
        ------
        SourceUnavailableError
            In place of the driver's own error, when it was broken off.
        """
        ended = Event()
        self._is_over = False
        self.heard()
        watcher = Thread(target=self._wait, args=(ended,), name=WATCHER, daemon=True)
        watcher.start()
        try:
            yield
        except Exception:
            if self._is_over:
                raise self._silence() from None
            raise
        finally:
            with self._lock:
                ended.set()
            watcher.join()

    def _wait(self, ended: Event) -> None:
        while not ended.wait(max(self._deadline - time.monotonic(), _AGAIN_SECONDS)):
            # Held so that a socket's number is not used again meanwhile.
            with self._lock:
                if not ended.is_set() and time.monotonic() >= self._deadline:
                    self._is_over = True
                    _break_off(self._driver)

    def _silence(self) -> SourceUnavailableError:
        return SourceUnavailableError(
            f"{self.where} said nothing for {self.seconds:g} seconds and was given up: nothing of the extract was "
            "kept. See what holds the server up, or a view that never ends; one that is only slow gets more time with "
            "ADS_SOURCE_TIMEOUT_SECONDS",
            place=self.where,
        )


def _break_off(driver: Any) -> None:  # noqa: ANN401
    """End what a connection waits for; it is of no use afterwards."""
    if isinstance(driver, sqlite3.Connection):
        driver.interrupt()
        return
    with suppress(OSError):
        end = _socket(driver)
        if end is not None:
            with end:
                end.shutdown(socket.SHUT_RDWR)


def _socket(driver: Any) -> socket.socket | None:  # noqa: ANN401
    """A second handle of the connection's socket; None where there is no connection (any more)."""
    if hasattr(driver, "pgconn"):
        return None if driver.closed else socket.socket(fileno=os.dup(driver.pgconn.socket))
    # PyMySQL has no public name for it.
    own = getattr(driver, "_sock", None)
    return None if own is None else socket.socket(fileno=os.dup(own.fileno()))
