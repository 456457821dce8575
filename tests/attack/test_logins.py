"""Who guesses passwords is slowed, in Airflow's own login."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient

from include.settings import get_settings
from plugins.settlement_console import logins, tally
from plugins.settlement_console.logins import (
    LONGEST_PAUSE_SECONDS,
    MOST_BYTES,
    MOST_WAITING,
    NAMES_OF_ONE_ADDRESS,
    SlowWrongLogins,
)
from plugins.settlement_console.plugin import SettlementConsole

MOST = 3


def _server() -> FastAPI:
    """Answers as Airflow's login does, mounted as it is; it counts what it was asked."""
    login = FastAPI()
    login.state.asked = 0

    @login.post("/token", status_code=201)
    @login.post("/token/cli", status_code=201)
    async def token(request: Request) -> dict[str, str]:
        login.state.asked += 1
        body = await request.body()
        if b"right" not in body:
            raise HTTPException(401)
        return {"access_token": "x"}

    server = FastAPI()
    server.mount("/auth", login)
    for middleware in SettlementConsole().fastapi_root_middlewares:
        server.add_middleware(middleware["middleware"], **middleware["kwargs"])
    server.state.login = login
    return server


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which takes any time."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr(logins, "sleep", sleep)
    return made


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tally, "AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("ADS_WRONG_LOGINS_PER_MINUTE", str(MOST))
    get_settings.cache_clear()
    yield _server()
    get_settings.cache_clear()


def _try(client: TestClient, name: str = "admin", word: str = "wrong", path: str = "/auth/token") -> int:
    return client.post(path, json={"username": name, "password": word}).status_code


def test_who_goes_on_guessing_waits_longer_and_longer(server, pauses):
    client = TestClient(server)
    assert [_try(client) for _ in range(MOST + 7)] == [401] * (MOST + 7)
    assert pauses == [1, 2, 4, 8, *[LONGEST_PAUSE_SECONDS] * 3]
    # Nobody else waits, not even under the same name from elsewhere.
    assert _try(client, "analyst", "right") == 201
    assert _try(TestClient(server, client=("10.0.0.9", 1)), word="right") == 201
    assert len(pauses) == 7


def test_the_right_password_gets_in_whatever_others_guessed(server, pauses):
    client = TestClient(server)
    for _ in range(MOST * 3):
        _try(client, path="/auth/token/cli")
    assert _try(client, word="right") == 201
    assert pauses[-1] == LONGEST_PAUSE_SECONDS


def test_right_logins_are_not_counted(server, pauses):
    client = TestClient(server)
    assert [_try(client, word="right") for _ in range(MOST * 4)] == [201] * MOST * 4
    assert pauses == []


def test_guesses_at_many_names_wait_too(server, pauses):
    client = TestClient(server)
    for number in range(MOST * NAMES_OF_ONE_ADDRESS + 2):
        assert _try(client, f"user{number}") == 401
    assert pauses == [1, 2]


@pytest.mark.parametrize(
    "body", [b"username=admin&password=wrong", b"{", b"[]", b'{"username": {"a": 1}}', b"\xff\xfe", b"[" * 50_000, b""]
)
def test_whatever_a_body_is_it_counts(server, pauses, body):
    client = TestClient(server)
    for _ in range(MOST + 1):
        assert client.post("/auth/token", content=body).status_code == 401
    assert pauses == [1]


class _Crowd:
    """Logins that are sent at once and wait until they are let go."""

    def __init__(self, server: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
        self.transport = httpx.ASGITransport(server)
        self.may_go, self.waiting = asyncio.Event(), 0
        monkeypatch.setattr(logins, "sleep", self._sleep)

    async def _sleep(self, _: float) -> None:
        self.waiting += 1
        await self.may_go.wait()

    async def post(self, name: str = "admin", word: str = "wrong") -> httpx.Response:
        async with httpx.AsyncClient(transport=self.transport, base_url="http://bank") as client:
            return await client.post("/auth/token", json={"username": name, "password": word})

    async def fill(self) -> list[asyncio.Task[httpx.Response]]:
        """As many as may wait, each past the limit."""
        for _ in range(MOST):
            await self.post()
        waiting = [asyncio.create_task(self.post()) for _ in range(MOST_WAITING)]
        while self.waiting < MOST_WAITING:
            await asyncio.sleep(0)
        return waiting


def test_no_more_than_a_few_wait_at_once_and_none_of_them_keeps_others_out(server, monkeypatch):
    async def story() -> None:
        crowd = _Crowd(server, monkeypatch)
        waiting = await crowd.fill()
        refused = await crowd.post(word="right")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, str(LONGEST_PAUSE_SECONDS))
        assert f"{MOST_WAITING} logins wait already" in refused.text
        assert (await crowd.post("analyst", "right")).status_code == 201
        crowd.may_go.set()
        assert [(await each).status_code for each in waiting] == [401] * MOST_WAITING
        # Room again.
        assert (await crowd.post(word="right")).status_code == 201

    asyncio.run(story())


def test_a_huge_body_is_not_read(server):
    assert TestClient(server).post("/auth/token", content=b"x" * (MOST_BYTES + 1)).status_code == 413
    assert server.state.login.state.asked == 0


def test_other_requests_pass_as_they_are(server):
    @server.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    client = TestClient(server)
    assert [client.post("/echo", content=b"x" * (MOST_BYTES * 2)).json() for _ in range(MOST + 1)] == [
        MOST_BYTES * 2
    ] * (MOST + 1)


def test_processes_of_one_server_count_together(server, pauses):
    for _ in range(MOST + 1):
        assert _try(TestClient(_server())) == 401
    assert pauses == [1]


def test_it_stands_before_the_server(server):
    (middleware,) = SettlementConsole().fastapi_root_middlewares
    assert middleware["middleware"] is SlowWrongLogins
