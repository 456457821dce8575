"""A webhook that gets each parcel as signed JSON, after the scheme of Standard Webhooks; and the heartbeat.

The connection is of type HTTP: host, schema and port say where to, `endpoint` in its extra the path, and the password
is the secret that signs. See https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include.alerting.letter import Letter
from include.alerting.store import Answer
from include.settings import AlertSink
from include.sinks.answers import CONNECT_SECONDS, READ_SECONDS, failed, no_connection, not_had
from include.sinks.public_hosts import PrivateAddressError, PublicHosts

_BUSY = (408, 425, 429)
"""Statuses by which a host that answers says that it cannot now."""


def send_to_webhook(sink: AlertSink, letter: Letter, *, may_be_private: bool) -> Answer:
    """Post a parcel; it is taken by a status from 200 to 299."""
    body = json.dumps(letter.data, ensure_ascii=False, sort_keys=True).encode()
    try:
        secret = HttpHook.get_connection(sink.connection).password or ""
    except AirflowNotFoundException:
        return no_connection(sink)
    if not secret:
        said = (
            f"the connection {sink.connection!r} has no password to sign with: give it one, and the receiver the same"
        )
        return Answer(is_taken=False, is_up=False, text=said)
    try:
        headers = {**signature(secret, letter.key, int(time.time()), body), "Idempotency-Key": letter.key}
    except binascii.Error:
        said = f"the password of the connection {sink.connection!r} has no base64 after whsec_: correct it"
        return Answer(is_taken=False, is_up=False, text=said)
    return _posted(sink.connection, body, headers, may_be_private=may_be_private)


def beat(connection: str, *, may_be_private: bool) -> Answer:
    """Call the address of a connection, so that whoever watches it notices when no call comes."""
    try:
        return _posted(connection, b"{}", {}, may_be_private=may_be_private)
    except AirflowNotFoundException:
        return not_had(connection, "http", "ADS_ALERT_HEARTBEAT")


def signature(secret: str, key: str, moment: int, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows who sent a body and when.

    Parameters
    ----------
    secret
        What sender and receiver know: `whsec_` with base64 after it, or any other text.
    key
        Name of the parcel.
    moment
        Seconds since 1970; a receiver refuses old ones.
    body
        What is sent.
    """
    encoded = secret.removeprefix("whsec_")
    by = base64.b64decode(encoded) if encoded != secret else secret.encode()
    signed = hmac.digest(by, b".".join([key.encode(), str(moment).encode(), body]), "sha256")
    return {
        "webhook-id": key,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def _posted(connection: str, body: bytes, headers: Mapping[str, str], *, may_be_private: bool) -> Answer:
    hook = HttpHook("POST", connection, adapter=None if may_be_private else PublicHosts())
    # Of the answer only the head is read; a redirect could lead anywhere, and so could a proxy of the environment.
    options: dict[str, Any] = {"timeout": (CONNECT_SECONDS, READ_SECONDS), "allow_redirects": False, "stream": True}
    options |= {"check_response": False, "trust_env": False}
    endpoint = HttpHook.get_connection(connection).extra_dejson.get("endpoint", "")
    sent = {"Content-Type": "application/json", **headers}
    try:
        with hook.run(endpoint, data=body, headers=sent, extra_options=options) as response:  # type: ignore[arg-type]
            return _answer(response)
    except requests.RequestException as error:
        return _refused(connection) if _is_private(error) else failed(error)


def _answer(response: requests.Response) -> Answer:
    status = response.status_code
    said = f"{status} {response.reason}"
    if response.is_redirect:
        said += ": redirects are not followed; give the connection the address where it ends"
    is_taken = 200 <= status < 300
    is_up = status < 500 and status not in _BUSY
    return Answer(is_taken=is_taken, is_up=is_up, text=said)


def _is_private(error: BaseException | None) -> bool:
    """Whether an address was refused; requests and urllib3 wrap what was raised as reason, argument or cause."""
    while error is not None:
        inner = [error, getattr(error, "reason", None), *error.args]
        wrapped = [getattr(each, "reason", None) for each in inner]
        if any(isinstance(each, PrivateAddressError) for each in (*inner, *wrapped)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _refused(connection: str) -> Answer:
    said = (
        f"the connection {connection!r} leads to a private address, where nothing is sent: give it a public one, or "
        "allow private ones by ADS_ALERT_PRIVATE_ADDRESSES=true"
    )
    return Answer(is_taken=False, is_up=False, text=said)
