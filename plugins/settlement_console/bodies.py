"""Bounds the size of what the console is sent, before anybody reads it as a form."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 1 << 20
"""Largest size of a request in bytes: five hundred reviews with the longest reasons, or any form of the console."""


class SmallBodies:
    """Middleware that reads no more of a request than `MOST_BYTES`.

    Parameters
    ----------
    app
        The console behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a body that ends in a refusal where it is too long."""
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BYTES:
                raise HTTPException(
                    413, f"at most {MOST_BYTES:,} bytes at once: nothing was taken. Shorten the text, or send parts"
                )
            return message

        await self._app(scope, counted, send)
