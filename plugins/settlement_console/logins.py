"""Slows down wrong logins: a client that keeps guessing waits longer and longer before a guess is checked.

Airflow's own login has no limit. The middleware stands before the whole server. It counts by address and name and, for
guesses at many names, by address alone. Nobody is locked out because of others at the same address: the right password
waits as well, and then gets in.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from anyio import sleep
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from plugins.settlement_console.tally import Tally

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MOST_BYTES = 1 << 16
"""Largest size of a login in bytes: it holds a name and a password."""
NAMES_OF_ONE_ADDRESS = 6
"""Number of people who may mistype at once behind one address, which may be an office's or a proxy's."""
LONGEST_PAUSE_SECONDS = 16
"""Longest pause: long for somebody who guesses, and shorter than the half minute after which clients give up."""
MOST_WAITING = 10
"""Largest number of waiting logins per name or per address, in each process of the server; each wait holds a connection
and a body."""
_PATHS = ("/auth/token", "/auth/token/cli", "/auth/login")
_WINDOW_SECONDS = 60


@dataclass(frozen=True)
class _Attempt:
    """One counted login.

    Attributes
    ----------
    tickets
        Tickets that count it as wrong until it turns out to be right.
    queue
        Name of the queue in which it waits.
    excess
        Number of attempts beyond the limit within the last minute.
    """

    tickets: list[int]
    queue: str
    excess: int

    @property
    def pause(self) -> int:
        """The number of seconds that it waits, which each attempt beyond the limit doubles."""
        return min(2 ** min(self.excess - 1, 10), LONGEST_PAUSE_SECONDS) if self.excess > 0 else 0


class SlowWrongLogins:
    """Middleware that counts failing logins.

    Parameters
    ----------
    app
        The server behind it.
    most
        Number of wrong logins from one address under one name within a minute, before they wait.
    """

    def __init__(self, app: App, most: int) -> None:
        self._app = app
        self._most = most
        self._waiting: Counter[str] = Counter()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass a login on when its turn has come, and every other request at once."""
        if not _is_login(scope):
            return await self._app(scope, receive, send)
        body = await _body(receive)
        if body is None:
            return await JSONResponse({"detail": f"a login has at most {MOST_BYTES} bytes"}, 413)(scope, receive, send)
        attempt = await run_in_threadpool(_counted, _address(scope), _name(body), self._most)
        if attempt.pause and self._waiting[attempt.queue] >= MOST_WAITING:
            await run_in_threadpool(_give_back, attempt.tickets)
            return await _too_many()(scope, receive, send)
        await self._wait(attempt)
        if await self._answered(scope, _replayed(body, receive), send) < 400:
            await run_in_threadpool(_give_back, attempt.tickets)
        return None

    async def _wait(self, attempt: _Attempt) -> None:
        if attempt.pause:
            with self._in_queue(attempt.queue):
                await sleep(attempt.pause)

    @contextmanager
    def _in_queue(self, queue: str) -> Iterator[None]:
        self._waiting[queue] += 1
        try:
            yield
        finally:
            self._waiting[queue] -= 1
            if not self._waiting[queue]:
                del self._waiting[queue]

    async def _answered(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> int:
        """The status that the server answered with."""
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self._app(scope, receive, watched)
        return status


def _is_login(scope: MutableMapping[str, Any]) -> bool:
    # The server may be mounted below a path of its own.
    path = str(scope.get("path", ""))
    return scope["type"] == "http" and scope["method"] == "POST" and path.rstrip("/").endswith(_PATHS)


def _address(scope: MutableMapping[str, Any]) -> str:
    return str((scope.get("client") or ("unknown",))[0])


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The messages for the server: the body that was read already, then whatever follows."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def received() -> Message:
        return next(messages, None) or await receive()

    return received


def _name(body: bytes) -> str:
    """The name in a login; empty where the body has none."""
    try:
        said = json.loads(body)
        return str(said.get("username", "")) if isinstance(said, dict) else ""
    except (ValueError, RecursionError):
        return "".join(parse_qs(body.decode("utf-8", "replace")).get("username", []))


def _counted(address: str, name: str, most: int) -> _Attempt:
    """An attempt, which counts as wrong until it turns out to be right.

    Guesses at one name wait only with that name's attempts, so that others behind the address do not wait for them.
    """
    tally, since = Tally.of_this_server(), time.time() - _WINDOW_SECONDS
    by_name, of_name = tally.count("logins of a name", f"{address} {name}", since)
    by_address, of_address = tally.count("logins of an address", address, since)
    tickets = [by_name, by_address]
    if of_name > most:
        return _Attempt(tickets, f"{address} {name}", of_name - most)
    return _Attempt(tickets, address, of_address - most * NAMES_OF_ONE_ADDRESS)


def _give_back(tickets: list[int]) -> None:
    for ticket in tickets:
        Tally.of_this_server().give_back(ticket)


def _too_many() -> JSONResponse:
    said = (
        f"{MOST_WAITING} logins wait already, after too many wrong ones: try again in {LONGEST_PAUSE_SECONDS} seconds"
    )
    return JSONResponse({"detail": said}, 429, {"Retry-After": str(LONGEST_PAUSE_SECONDS), "Cache-Control": "no-store"})
