"""Where a page of the queue begins: after the points and the id of the last case of the page before.

A page's link carries both, so that a case that changes or goes meanwhile moves nothing else. They are sealed, as points
tell the exact money of a case, which masked readers may not see.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from include.cases.refusals import NoSuchCaseError

PAGE_KEY = "page"
"""Purpose of the key that seals places."""
_NONCE_BYTES = 12


@dataclass(frozen=True)
class Place:
    """A place in the queue.

    Attributes
    ----------
    points, case_id
        Points that the last case of the page before had, and its id.
    """

    points: int
    case_id: str

    def sealed(self, key: bytes) -> str:
        """The place as a link carries it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        content = AESGCM(key).encrypt(nonce, json.dumps([self.points, self.case_id]).encode(), None)
        return base64.urlsafe_b64encode(nonce + content).decode().rstrip("=")

    @classmethod
    def unsealed(cls, token: str, key: bytes) -> Place:
        """The place of a link.

        Raises
        ------
        NoSuchCaseError
            When no page of this lake's queue gave the link.
        """
        try:
            given = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            nonce, content = given[:_NONCE_BYTES], given[_NONCE_BYTES:]
            return cls(*json.loads(AESGCM(key).decrypt(nonce, content, None)))
        except (ValueError, InvalidTag) as error:
            raise NoSuchCaseError(
                f"there is no page of the queue that begins at {token[:16]!r}: go to the first page, and on from there"
            ) from error
