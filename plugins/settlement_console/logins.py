"""Wrong logins are slowed: who keeps guessing is answered 429 for a minute, whatever they guess.

Airflow's own login knows no limit. The middleware stands before the whole server, and counts by address and name and,
for guesses at many names, by address alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

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
_PATHS = ("/auth/token", "/auth/token/cli", "/auth/login")
_WINDOW_SECONDS = 60


class SlowWrongLogins:
    """Middleware that counts logins which fail.

    Parameters
    ----------
    app
        The server behind it.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a login that comes too soon; hand on everything else."""
        if not _is_login(scope):
            return await self._app(scope, receive, send)
        body = await _body(receive)
        if body is None:
            return await JSONResponse({"detail": f"a login has at most {MOST_BYTES} bytes"}, 413)(scope, receive, send)
        tickets = await run_in_threadpool(_take, _address(scope), _name(body))
        if tickets is None:
            return await _too_many()(scope, receive, send)
        if await self._answered(scope, _replayed(body, receive), send) < 400:
            await run_in_threadpool(_give_back, tickets)
        return None

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


def _take(address: str, name: str) -> list[int] | None:
    """Tickets of an attempt, or None where there were too many; it counts as wrong until it was right."""
    tally, most, since = Tally.of_this_server(), get_settings().wrong_logins_per_minute, time.time() - _WINDOW_SECONDS
    by_address = tally.take("logins of an address", address, 1, most * NAMES_OF_ONE_ADDRESS, since)
    if by_address is None:
        return None
    by_name = tally.take("logins of a name", f"{address} {name}", 1, most, since)
    if by_name is None:
        tally.give_back(by_address)
        return None
    return [by_address, by_name]


def _give_back(tickets: list[int]) -> None:
    for ticket in tickets:
        Tally.of_this_server().give_back(ticket)


def _too_many() -> JSONResponse:
    said = f"too many wrong logins: try again in {_WINDOW_SECONDS} seconds, with the right password"
    return JSONResponse({"detail": said}, 429, {"Retry-After": str(_WINDOW_SECONDS), "Cache-Control": "no-store"})
