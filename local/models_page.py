"""`make models`: MLflow's pages over the recorded trainings, to look at from this machine only; they know no login."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from include.errors import SettingsError, SettlementError
from include.registry.tracking import EXPERIMENT
from include.registry.tracking_store import TrackingStore
from include.security.private import keep_new_files_private
from include.settings import get_settings
from local.ports import choose_port
from local.read_only import ReadOnly
from local.terminal import Terminal

# MLflow's own.
DEFAULT_PORT = 5000


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the pages until Ctrl-C; returns 1 with the reason when they cannot be served."""
    asked = _parser().parse_args(arguments)
    keep_new_files_private()
    try:
        settings = get_settings()
        store = TrackingStore.of(settings, asked.lake or settings.lake_uri)
        _require_records(store)
        _serve(store, choose_port(asked.port, DEFAULT_PORT))
    except KeyboardInterrupt:
        return 0
    except SettlementError as error:
        print(f"\nmake models stopped: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make models", description=__doc__)
    parser.add_argument("--lake", default="", help="the lake of the models (default: ADS_LAKE_URI, or .data/lake)")
    parser.add_argument("--port", default="", help=f"of the pages (default: {DEFAULT_PORT}, or the next free one)")
    return parser


def _require_records(store: TrackingStore) -> None:
    if store.is_server:
        raise SettingsError(
            f"ADS_MLFLOW_URI is a tracking server, which has pages of its own: open {store.address}",
            setting="mlflow_uri",
            place=store.address,
        )
    if store.is_missing:
        raise SettingsError(
            f"nothing was recorded in {store.address}: train a model, or name its lake with LAKE=", place=store.address
        )


def _serve(store: TrackingStore, port: int) -> None:
    """Run the server in this process, which does nothing else."""
    terminal = Terminal()
    terminal.say(f"starting MLflow over {store.address}")
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "_MLFLOW_"))]:
        del os.environ[name]
    os.environ.update(environment(store, port))
    page = _page(store)
    import uvicorn
    from mlflow.server.fastapi_app import app

    terminal.say(f"the trainings: http://127.0.0.1:{port}{page} (for this machine only; Ctrl-C ends it)")
    # There is no login, so that only this machine may connect. The server's start-up work serves the assistant, which
    # is turned off.
    uvicorn.run(ReadOnly(app), host="127.0.0.1", port=port, log_level="warning", lifespan="off")


def _page(store: TrackingStore) -> str:
    """The page with the runs; a broken store fails here, before MLflow retries it for a minute and a half."""
    with store.client() as client:
        experiment = client.get_experiment_by_name(EXPERIMENT)
    return f"/#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning" if experiment else "/"


def environment(store: TrackingStore, port: int) -> dict[str, str]:
    """The environment that MLflow's server reads; its names are those that its own command passes to its workers."""
    here = (f"127.0.0.1:{port}", f"localhost:{port}")
    return {
        "_MLFLOW_SERVER_FILE_STORE": store.uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": store.artifacts or "",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Scripts of other sites in the same browser are refused by host name.
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(here),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(f"http://{name}" for name in here),
        "MLFLOW_SERVER_X_FRAME_OPTIONS": "DENY",
        # Background jobs, language models and an assistant are not needed here.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
    }


if __name__ == "__main__":
    sys.exit(main())
