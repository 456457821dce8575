"""Keeps other sites from acting with a user's cookie.

Browsers send the cookie of the UI's session by themselves, also with a form of another site. A request that changes
something and comes with the cookie alone therefore names its origin, which only the browser sets, and carries a token
that only pages of this session hold. A request with a token in the `Authorization` header comes from a program, which
needs neither.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.configuration import conf
from fastapi import HTTPException, Request

TOKEN_FIELD = "csrf_token"  # noqa: S105 - the name of a form's field
TOKEN_HEADER = "X-CSRF-Token"  # noqa: S105 - the name of a header
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_PURPOSE = b"settlement console, requests that change something"


def session_token(request: Request) -> str:
    """The token that forms of this session's pages carry; empty without a session.

    Airflow's servers share the secret that it is made with, and a new login gives a new one.
    """
    session = request.cookies.get(COOKIE_NAME_JWT_TOKEN, "")
    if not session:
        return ""
    secret = conf.get_mandatory_value("api", "secret_key").encode()
    return hmac.new(secret, _PURPOSE + b"\0" + session.encode(), hashlib.sha256).hexdigest()


async def from_our_own_pages(request: Request) -> None:
    """Let requests pass that no other site can have sent.

    Raises
    ------
    HTTPException
        403 with what is missing.
    """
    if _is_from_elsewhere(request):
        raise HTTPException(403, "this is taken from the console's own pages, not from those of another site")
    if is_program(request):
        return
    if not request.headers.get("origin"):
        raise HTTPException(403, "a request with the cookie alone names its Origin, as browsers do")
    expected, given = session_token(request), await _given_token(request)
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        raise HTTPException(
            403,
            "nothing was changed: the page was made for an earlier login. Go back, reload it, and send it once more",
        )


def is_program(request: Request) -> bool:
    """Whether a request brings its own token, which browsers do not add by themselves."""
    return request.headers.get("authorization", "").lower().startswith("bearer ")


async def _given_token(request: Request) -> str:
    header = request.headers.get(TOKEN_HEADER)
    if header is not None or not request.headers.get("content-type", "").startswith(_FORMS):
        return header or ""
    form = await request.form()
    return str(form.get(TOKEN_FIELD, ""))


def _is_from_elsewhere(request: Request) -> bool:
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_other_origin = origin is not None and urlsplit(origin).netloc not in _own_hosts(request)
    return is_other_origin or site not in (None, "same-origin", "none")


def _own_hosts(request: Request) -> set[str]:
    """The hosts under which the browser may know this server: its own address, and the configured one before it."""
    return {request.headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="")).netloc} - {""}
