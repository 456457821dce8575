"""Who guesses passwords is slowed, in Airflow's own login."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient

from include.settings import get_settings
from plugins.settlement_console import tally
from plugins.settlement_console.logins import MOST_BYTES, NAMES_OF_ONE_ADDRESS, SlowWrongLogins
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
        server.add_middleware(middleware["middleware"])
    server.state.login = login
    return server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tally, "AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("ADS_WRONG_LOGINS_PER_MINUTE", str(MOST))
    get_settings.cache_clear()
    yield _server()
    get_settings.cache_clear()


def _try(client: TestClient, name: str = "admin", word: str = "wrong", path: str = "/auth/token") -> int:
    return client.post(path, json={"username": name, "password": word}).status_code


def test_guesses_at_a_password_end_after_a_few_a_minute(server):
    client = TestClient(server)
    assert [_try(client) for _ in range(MOST + 3)] == [401] * MOST + [429] * 3
    # The right password gets in no sooner: else the answer would tell that it is right.
    assert _try(client, word="right") == 429
    assert server.state.login.state.asked == MOST
    answer = client.post("/auth/token/cli", json={"username": "admin", "password": "x"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert "too many wrong logins: try again in 60 seconds" in answer.text
    # Nobody else is shut out, not even under the same name from elsewhere.
    assert _try(client, "analyst", "right") == 201
    assert _try(TestClient(server, client=("10.0.0.9", 1)), word="right") == 201


def test_right_logins_are_not_counted(server):
    client = TestClient(server)
    assert [_try(client, word="right") for _ in range(MOST * 4)] == [201] * MOST * 4


def test_guesses_at_many_names_end_too(server):
    client = TestClient(server)
    found = [_try(client, f"user{number}") for number in range(MOST * NAMES_OF_ONE_ADDRESS + 2)]
    assert found == [401] * MOST * NAMES_OF_ONE_ADDRESS + [429] * 2


@pytest.mark.parametrize(
    "body", [b"username=admin&password=wrong", b"{", b"[]", b'{"username": {"a": 1}}', b"\xff\xfe", b"[" * 50_000, b""]
)
def test_whatever_a_body_is_it_counts(server, body):
    client = TestClient(server)
    found = [client.post("/auth/token", content=body).status_code for _ in range(MOST + 1)]
    assert found == [401] * MOST + [429]


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


def test_processes_of_one_server_count_together(server):
    assert [_try(TestClient(_server())) for _ in range(MOST + 1)] == [401] * MOST + [429]


def test_it_stands_before_the_server(server):
    (middleware,) = SettlementConsole().fastapi_root_middlewares
    assert middleware["middleware"] is SlowWrongLogins
