"""The console behind a real server of this process, for a browser or for clocks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from include.settings import Settings, get_settings
from tests.plugins.clients import app_of


@contextmanager
def console_for(role: str, settings: Settings) -> Iterator[str]:
    """Where the console over a lake answers a user of a role, whose login was checked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_LAKE_URI", settings.lake_uri)
        patch.setenv("ADS_KEY_FILE", str(settings.key_file))
        get_settings.cache_clear()
        with answering(Starlette(routes=[Mount("/settlement", app_of(role, patch))])) as address:
            yield address
    get_settings.cache_clear()


@contextmanager
def answering(app: ASGIApp) -> Iterator[str]:
    """Where an application answers, on a free port."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
