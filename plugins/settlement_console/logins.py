"""Wrong logins are slowed: whoever keeps guessing waits longer and longer before a guess is looked at.

Airflow's own login knows no limit. The middleware stands before the whole server, and counts by address and name and,
for guesses at many names, by address alone. Nobody is shut out for what others guessed, who may share their address:
the right password waits as well, and then gets in.
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

from include.settings import get_settings
from plugins.settlement_console.tally import Tally

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MOST_BYTES = 1 << 16
"""Of a login: a name and a password."""
NAMES_OF_ONE_ADDRESS = 6
"""How many people may mistype at once behind one address, which may be an office's or a proxy's."""
LONGEST_PAUSE_SECONDS = 16
"""Long for who guesses, and short of the half minute after which clients give up."""
MOST_WAITING = 10
"""Of one name, or of one address, in one of the server's processes: a wait keeps a connection and a body."""
_PATHS = ("/auth/token", "/auth/token/cli", "/auth/login")
_WINDOW_SECONDS = 60


@dataclass(frozen=True)
class _Attempt:
    """One login that was counted.

    Attributes
    ----------
    tickets
        What counts it as wrong, until it was right.
    queue
        Those it waits with.
    excess
        How many attempts within the last minute were too many.
    """

    tickets: list[int]
    queue: str
    excess: int

    @property
    def pause(self) -> int:
        """Seconds it waits: each attempt too many doubles them."""
        return min(2 ** min(self.excess - 1, 10), LONGEST_PAUSE_SECONDS) if self.excess > 0 else 0


class SlowWrongLogins:
    """Middleware that counts logins which fail.

    Parameters
    ----------
    app
        The server behind it.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._waiting: Counter[str] = Counter()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Hand on a login when it is its turn, and everything else at once."""
        if not _is_login(scope):
            return await self._app(scope, receive, send)
        body = await _body(receive)
        if body is None:
            return await JSONResponse({"detail": f"a login has at most {MOST_BYTES} bytes"}, 413)(scope, receive, send)
        attempt = await run_in_threadpool(_counted, _address(scope), _name(body))
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
    return scope["type"] == "http" and scope["method"] == "POST" and scope["path"].rstrip("/").endswith(_PATHS)


def _address(scope: MutableMapping[str, Any]) -> str:
    return str((scope.get("client") or ("unknown",))[0])


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None of one that is too large."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What the server receives: the body, and then whatever comes."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def received() -> Message:
        return next(messages, None) or await receive()

    return received


def _name(body: bytes) -> str:
    """Whose login it is; empty where the body does not say."""
    try:
        said = json.loads(body)
        return str(said.get("username", "")) if isinstance(said, dict) else ""
    except (ValueError, RecursionError):
        return "".join(parse_qs(body.decode("utf-8", "replace")).get("username", []))


def _counted(address: str, name: str) -> _Attempt:
    """An attempt, which counts as wrong until it was right.

    Who guesses at one name queues with that name's attempts alone, so that others behind the address need not.
    """
    tally, most, since = Tally.of_this_server(), get_settings().wrong_logins_per_minute, time.time() - _WINDOW_SECONDS
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
