"""Passes only reading requests on to MLflow's pages.

MLflow's server has no login, and it can do more than show records: its assistant runs shell commands for anybody, its
gateway calls any given address, and its API deletes runs. On a machine with several users loopback keeps none of them
out, so that only the requests that the pages need for reading are passed on.
"""

from __future__ import annotations

import json
import re
from typing import Any

_READING_METHODS = ("GET", "HEAD")
# MLflow reads with POST where a query is long; its GraphQL schema has no changing requests.
_READING_POSTS = re.compile(r"/(ajax-)?api/[23]\.0/mlflow/[a-z\-/]+/search(-datasets)?|/graphql")
# None of these serves to look at trainings, whatever the method; the proxy has no target and tells every page so.
_CLOSED = re.compile(r"assistant|gateway(?!-proxy$)|telemetry|jobs|scorers", re.IGNORECASE)
_REFUSAL = json.dumps(
    {"error_code": "PERMISSION_DENIED", "message": "these pages only show what was recorded"}
).encode()


class ReadOnly:
    """An ASGI application that passes reading requests on and answers 403 to all others.

    Parameters
    ----------
    application
        The ASGI application behind it.
    """

    def __init__(self, application: Any) -> None:  # noqa: ANN401 - ASGI's shapes are open dictionaries
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        """Handle one connection."""
        if scope["type"] == "http" and is_reading(scope["method"], scope["path"]):
            await self.application(scope, receive, send)
        elif scope["type"] == "http":
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": _REFUSAL})


def is_reading(method: str, path: str) -> bool:
    """Whether a request only looks at records.

    >>> is_reading("POST", "/ajax-api/2.0/mlflow/runs/search"), is_reading("POST", "/ajax-api/2.0/mlflow/runs/delete")
    (True, False)
    """
    if _CLOSED.search(path):
        return False
    return method in _READING_METHODS or (method == "POST" and _READING_POSTS.fullmatch(path) is not None)
