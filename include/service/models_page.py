"""`make models`: MLflow's pages over the recorded trainings, for this machine only; they know no login."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess  # nosec B404
import sys
from collections.abc import Mapping, Sequence

from include.errors import SettingsError, SettlementError
from include.registry.tracking_store import TrackingStore
from include.service.ports import choose_port
from include.service.terminal import Terminal
from include.settings import get_settings

# MLflow's own.
DEFAULT_PORT = 5000
START_SECONDS = 120
_STOP_SECONDS = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the pages until Ctrl-C; 1 with the reason when they cannot be."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        settings = get_settings()
        store = TrackingStore.of(settings, asked.lake or settings.lake_uri)
        return _serve(store, choose_port(asked.port, DEFAULT_PORT))
    except KeyboardInterrupt:
        return 0
    except (SettlementError, TimeoutError) as error:
        print(f"\nmake models stopped: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make models", description=__doc__)
    parser.add_argument("--lake", default="", help="the lake of the models (default: ADS_LAKE_URI, or .data/lake)")
    parser.add_argument("--port", default="", help=f"of the pages (default: {DEFAULT_PORT}, or the next free one)")
    return parser


def _serve(store: TrackingStore, port: int) -> int:
    if store.is_server:
        raise SettingsError(f"ADS_MLFLOW_URI is a tracking server: open {store.address} in a browser")
    if store.is_missing:
        raise SettingsError(f"nothing was recorded in {store.address}: train a model, or name its lake: LAKE=")
    terminal = Terminal()
    terminal.say(f"starting MLflow over {store.address}")
    # A session of its own, so that its workers go with it.
    server = subprocess.Popen(  # noqa: S603 - our own interpreter and a number  # nosec B603
        [sys.executable, "-m", "mlflow", "server", *options(port)],
        env=environment(os.environ, store),
        start_new_session=True,
    )
    try:
        terminal.wait_for(lambda: "waiting for MLflow", lambda: _is_up(server, port), START_SECONDS)
        terminal.say(f"the models and their figures: http://127.0.0.1:{port} (this machine only; Ctrl-C ends it)")
        return server.wait()
    finally:
        _stop(server)


def options(port: int) -> list[str]:
    """The server's command line; the store's address, which may hold a password, is not on it."""
    here = f"127.0.0.1:{port},localhost:{port}"
    return [
        # There is no login: loopback is the only thing between the records and others.
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        # Other sites' scripts in the same browser are kept out by name.
        *("--allowed-hosts", here, "--cors-allowed-origins", f"http://127.0.0.1:{port},http://localhost:{port}"),
        *("--x-frame-options", "DENY", "--no-serve-artifacts", "--uvicorn-opts", "--log-level warning"),
    ]


def environment(inherited: Mapping[str, str], store: TrackingStore) -> dict[str, str]:
    """The server's environment: the caller's without MLflow's settings, and ours."""
    return {
        **{name: value for name, value in inherited.items() if not name.startswith("MLFLOW_")},
        "MLFLOW_BACKEND_STORE_URI": store.uri,
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": store.artifacts or "",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Its queue of background jobs (evaluations by language models) would start processes of no use here.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
    }


def _is_up(server: subprocess.Popen[bytes], port: int) -> bool | None:
    import httpx

    if server.poll() is not None:
        raise SettingsError(f"MLflow ended with status {server.returncode}; what it said stands above")
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success or None
    except httpx.HTTPError:
        return None


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and its workers: politely, then by force."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
            server.wait(_STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    sys.exit(main())
