"""Tells an open page whether there is something new, so that it refreshes itself."""

from __future__ import annotations

import hashlib
from typing import Any

from include.errors import SettlementError
from include.settings import Settings
from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.lake_says import is_made


def state(settings: InstalledSettings) -> dict[str, Any]:
    """A word that changes when a night is published or somebody acts on a case; pages ask for it every some seconds."""
    return {"state": _state(settings)}


def _state(settings: Settings) -> str:
    if not is_made(settings):
        return "no lake"
    # The server loads this module at its start; the lake's libraries are imported only when somebody looks.
    from include.cases.book import CaseBook
    from include.lake import Lake

    try:
        acted = CaseBook.open(settings.lake_uri, settings).newest_event()
        state = f"{Lake.open(settings.lake_uri, settings).state()} {acted}"
    except SettlementError:
        return "no answer"
    return hashlib.sha256(state.encode()).hexdigest()[:16]
