"""MLflow's pages are for looking: what acts is refused before it reaches MLflow."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from include.registry.tracking_store import TrackingStore
from include.settings import Settings
from local import models_page
from local.read_only import ReadOnly, is_reading


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/static-files/static/js/main.js"),
        ("GET", "/get-artifact"),
        ("GET", "/ajax-api/2.0/mlflow/artifacts/list"),
        ("POST", "/ajax-api/2.0/mlflow/runs/search"),
        ("POST", "/ajax-api/2.0/mlflow/experiments/search-datasets"),
        ("POST", "/graphql"),
    ],
)
def test_what_reads_is_let_through(method, path):
    assert is_reading(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/ajax-api/3.0/mlflow/assistant/message"),
        ("GET", "/ajax-api/3.0/mlflow/assistant/sessions/1/stream"),
        ("GET", "/ajax-api/3.0/mlflow/Assistant/config"),
        ("POST", "/ajax-api/2.0/mlflow/gateway-proxy"),
        ("POST", "/gateway/some-model/mlflow/invocations"),
        ("POST", "/ajax-api/2.0/mlflow/runs/delete"),
        ("POST", "/ajax-api/2.0/mlflow/runs/delete?x=/runs/search"),
        ("POST", "/ajax-api/3.0/mlflow/ui-telemetry"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/x"),
        ("DELETE", "/api/2.0/mlflow/runs/search"),
    ],
)
def test_what_acts_is_not(method, path):
    assert not is_reading(method, path)


def test_a_refusal_never_reaches_the_application():
    async def application(scope, receive, send):
        raise AssertionError(scope["path"])

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(ReadOnly(application))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post("/api/2.0/mlflow/runs/delete")

    assert asyncio.run(ask()).status_code == 403


def test_the_server_knows_its_store_its_names_and_nobody_to_report_to(tmp_path):
    store = TrackingStore.of(Settings(mlflow_uri=""), f"file:{tmp_path}")
    environment = models_page.environment(store, 5005)
    assert environment["_MLFLOW_SERVER_FILE_STORE"] == store.uri
    assert environment["MLFLOW_SERVER_ALLOWED_HOSTS"] == "127.0.0.1:5005,localhost:5005"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_without_records_it_says_so(tmp_path, capsys):
    assert models_page.main(["--lake", f"file:{tmp_path}"]) == 1
    assert "nothing was recorded" in capsys.readouterr().err
