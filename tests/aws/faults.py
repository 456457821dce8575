"""Faults between a client of AWS and its service: an answer that gets lost, or another answer in the service's place.

They act inside the client, below its own repetitions, which so are the real ones.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError

Act = Callable[[AWSPreparedRequest], AWSResponse | None]


class _Raw(io.BytesIO):
    def stream(self, *_: object, **__: object) -> Any:
        yield self.read()


def upon(client: Any, operation: str, act: Act, times: int = 1) -> list[str]:
    """Act instead of the next requests of an operation; the list that is returned grows with each.

    Parameters
    ----------
    act
        Function that is given the request and returns an answer, or None to let the request go its way.
    times
        Number of requests.
    """
    met: list[str] = []

    def meet(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        if len(met) == times:
            return None
        met.append(operation)
        return act(request)

    client.meta.events.register_first(f"before-send.{client.meta.service_model.service_name}.{operation}", meet)
    return met


def losing_the_answer(request: AWSPreparedRequest) -> AWSResponse:
    """Have the request carried out, and lose its answer."""
    httpx.request(request.method, request.url, headers=dict(request.headers), content=request.body)
    raise ReadTimeoutError(endpoint_url=request.url)


def answering(code: str, status: int = 400, message: str = "made up") -> Act:
    """Answer with an error in the service's place."""

    def act(request: AWSPreparedRequest) -> AWSResponse:
        body = json.dumps({"__type": code, "message": message, "Message": message}).encode()
        return AWSResponse(request.url, status, {"content-type": "application/x-amz-json-1.1"}, _Raw(body))

    return act
