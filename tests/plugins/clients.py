"""The console in this process, for a user whose login was checked."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any

import pytest

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-tests-"))

import httpx
from airflow.api_fastapi import app as server
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.common.db.common import _get_session
from airflow.api_fastapi.core_api import security
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session
from starlette.types import Receive, Scope, Send

from plugins.settlement_console import app as console
from tests.plugins.airflow_tables import empty_tables

ADDRESS = "http://bank:8080"
SESSION = "a session's token"
Dependency = Callable[..., Any]


def client_of(role: str, monkeypatch: pytest.MonkeyPatch, login: str = "ida") -> TestClient:
    """The console as a program of a user sees it."""
    app = app_of(role, monkeypatch, login)
    # As a program comes; who the user is was settled above.
    return TestClient(app, base_url=ADDRESS, headers={"Authorization": "Bearer x"}, follow_redirects=False)


_CHOSEN: ContextVar[dict[Dependency, Dependency]] = ContextVar("dependencies of the request")


class _OfTheRequest(Mapping[Dependency, Dependency]):
    """The dependencies that whoever sent the request chose."""

    def __getitem__(self, wanted: Dependency) -> Dependency:
        return _CHOSEN.get()[wanted]

    def __iter__(self) -> Iterator[Dependency]:
        return iter(_CHOSEN.get())

    def __len__(self) -> int:
        return len(_CHOSEN.get())


class UsersConsole:
    """The console for one user: the one application of this process, as building another takes a third of a second.

    Attributes
    ----------
    dependency_overrides
        Dependencies of this user's requests by those that they stand for.
    """

    def __init__(self) -> None:
        self.dependency_overrides: dict[Dependency, Dependency] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with this user's dependencies."""
        chosen = _CHOSEN.set(self.dependency_overrides)
        await _built()(scope, receive, send)
        _CHOSEN.reset(chosen)


@cache
def _built() -> FastAPI:
    app = console.create_app()
    app.dependency_overrides = _OfTheRequest()  # type: ignore[assignment] # FastAPI looks dependencies up and no more
    return app


def app_of(role: str, monkeypatch: pytest.MonkeyPatch, login: str = "ida") -> UsersConsole:
    """The console for one user; what the user may is asked of Airflow's own manager."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    for module in (security, server):
        monkeypatch.setattr(module, "get_auth_manager", SimpleAuthManager)
    monkeypatch.setattr(security.DagModel, "get_team_name", lambda _: None)
    app = UsersConsole()
    app.dependency_overrides[security.get_user] = lambda: SimpleAuthManagerUser(username=login, role=role)
    app.dependency_overrides[_get_session] = _session
    return app


def _session() -> Iterator[Session]:
    """A session on Airflow's tables, in which there is no run."""
    with Session(empty_tables()) as opened:
        yield opened


def as_browser(client: TestClient) -> TestClient:
    """The same client as a browser comes: with the session's cookie, without a token of its own."""
    client.headers.pop("authorization", None)
    client.headers["accept"] = "text/html"
    client.cookies.set("_token", SESSION)
    return client


def token_of(page: str) -> str:
    """The token in the first form of a page."""
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page)
    assert found, "the page has no form with a token"
    return found[1]


def session_token() -> str:
    """The token that pages of the browser's session carry."""
    from starlette.requests import Request

    from plugins.settlement_console import same_origin

    cookie = f'_token="{SESSION}"'.encode()
    return same_origin.session_token(Request({"type": "http", "headers": [(b"cookie", cookie)]}))


def send_from_a_page(client: TestClient, path: str, **sent: Any) -> httpx.Response:
    """Send as a page's script does, with the cookie, the Origin and the session's token."""
    headers = {"origin": ADDRESS, "x-csrf-token": session_token()}
    return as_browser(client).post(path, headers=headers, **sent)
