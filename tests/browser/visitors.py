"""People at a browser: a window with somebody's login, of a size, light or dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.served import Server

Scheme = Literal["light", "dark"]

DESK, TELEPHONE = 1280, 390
"""Widths in pixels that pages are made for."""
_HEIGHTS = {DESK: 800, TELEPHONE: 844}
PATIENCE_MS = 120_000
"""How long a page may take: idle it takes a second or two, and machines that test are seldom idle."""


@contextmanager
def chromium_of(executable: str) -> Iterator[Chromium]:
    """A running browser."""
    # Root has no user namespace to put a page into; what is looked at here is the project's own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@contextmanager
def window(
    chromium: Chromium, server: Server, login: str = "", *, width: int = DESK, scheme: Scheme = "light"
) -> Iterator[Page]:
    """A window of somebody who is logged in, or of nobody where no login is named."""
    size = {"width": width, "height": _HEIGHTS[width]}
    context = chromium.new_context(base_url=server.address, viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    if login:
        log_in(context, server, login)
    yield context.new_page()
    context.close()


def log_in(context: BrowserContext, server: Server, login: str) -> None:
    """Give the window the UI's cookie, as the login page does."""
    context.add_cookies([{"name": "_token", "value": server.token(login), "url": server.address, "httpOnly": True}])
