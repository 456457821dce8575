"""The calls to AWS KMS that wrap and unwrap data keys, and what its refusals mean."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from botocore.exceptions import ClientError

from include.aws.clients import client
from include.aws.refusals import UNANSWERED, code_of, told
from include.errors import KeyRefusedError, KeyUnavailableError

REMEMBERED_SECONDS = 60
"""Time for which this process opens again what it has opened, or sealed, without asking the key service.

One reading opens the same few records many times: a page of the console the lake's place, its counters and its keys, a
night all of them in each step. A key that was disabled opens nothing a minute later, and seals nothing from the
first moment on.
"""
# Data keys of a busy minute, 32 bytes each; a night has about ten.
_MOST_REMEMBERED = 10_000
# What these say is of the message and not of the key: it was changed, or another key wrapped it.
_OF_THE_MESSAGE = ("InvalidCiphertextException", "IncorrectKeyException")

_Response = dict[str, Any]
_MAKING = threading.Lock()


class KeyService:
    """The client of KMS as a keyring calls it: it remembers data keys for a moment, and tells refusals.

    Parameters
    ----------
    key
        ARN of the key.
    remembered_seconds
        Time for which a data key is remembered; 0 asks the service each time.
    """

    def __init__(self, key: str, remembered_seconds: float = REMEMBERED_SECONDS) -> None:
        self.key = key
        self._client = client("kms", region=key.split(":")[3])
        self._seconds = remembered_seconds
        self._known: dict[object, tuple[float, _Response]] = {}
        self._lock = threading.Lock()
        self.meta = self._client.meta
        """What the keyring looks up of the client: its region."""

    def generate_data_key(self, **request: Any) -> _Response:  # noqa: ANN401 - boto3 has no types
        """A new data key, in the clear and wrapped."""
        with self._told("GenerateDataKey", "sealed"):
            made: _Response = self._client.generate_data_key(**request)
        opened = {"KeyId": made["KeyId"], "Plaintext": made["Plaintext"], "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
        self._remember(_name(made["CiphertextBlob"], request["EncryptionContext"]), opened)
        return made

    def decrypt(self, **request: Any) -> _Response:  # noqa: ANN401 - boto3 has no types
        """A wrapped data key in the clear."""
        name = _name(request["CiphertextBlob"], request["EncryptionContext"])
        found = self._recall(name)
        if found is None:
            found = self._decrypted(request)
            self._remember(name, found)
        return found

    def _decrypted(self, request: Mapping[str, Any]) -> _Response:
        try:
            found: _Response = self._client.decrypt(**request)
        except (ClientError, *UNANSWERED) as error:
            if isinstance(error, ClientError) and code_of(error) in _OF_THE_MESSAGE:
                raise
            with self._told("Decrypt", "opened"):
                raise
        return found

    def _told(self, operation: str, done: str) -> AbstractContextManager[None]:
        return told(
            f"the KMS key {self.key} (kms:{operation})",
            f"Nothing was {done} or published without it. See that the key is enabled and not scheduled for deletion, "
            f"and that its policy and the role of this process allow kms:{operation} on it; ADS_KMS_KEY names it",
            terminal=KeyRefusedError,
            passing=KeyUnavailableError,
        )

    def _recall(self, name: object) -> _Response | None:
        with self._lock:
            until, response = self._known.get(name, (0.0, {}))
        return response if until > time.monotonic() else None

    def _remember(self, name: object, response: _Response) -> None:
        if self._seconds <= 0:
            return
        with self._lock:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[name] = (time.monotonic() + self._seconds, response)


def _name(wrapped: bytes, context: Mapping[str, str]) -> object:
    return wrapped, frozenset(context.items())


def key_service(key: str) -> KeyService:
    """The key service of this process for a key, by its ARN; all threads share it, and what it remembers."""
    with _MAKING:  # boto3 makes no two clients at once
        return _key_service(key)


@functools.cache
def _key_service(key: str) -> KeyService:
    return KeyService(key)


def forget() -> None:
    """Remember no data key any longer, as a process does that begins."""
    _key_service.cache_clear()


@functools.cache
def key_arn(name: str) -> str:
    """The ARN of the key that an alias leads to now; that of a key is its own.

    A message says which key wrapped its data key, and not by which alias. An alias that was led to another key opens
    nothing that was sealed before, until everything is wrapped anew.
    """
    if ":alias/" not in name:
        return name
    remedy = "See that the alias is there, and that the role of this process is allowed kms:DescribeKey on its key"
    with told(f"the KMS alias {name} (kms:DescribeKey)", remedy, terminal=KeyRefusedError, passing=KeyUnavailableError):
        return str(client("kms", region=name.split(":")[3]).describe_key(KeyId=name)["KeyMetadata"]["Arn"])
