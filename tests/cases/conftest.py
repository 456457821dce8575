"""Nights of small banks, settled without a lake and without scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from include import settlement
from include.night.carried_state import lookback_from_history
from include.quality import admit
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.sources import open_source
from tests.sources.small_databases import new_schema


@dataclass(frozen=True)
class Settled:
    """What a night's gate and checks found."""

    breaks: list[dict[str, Any]]
    quarantined: list[dict[str, Any]]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def codes(self) -> Counter[str]:
        return Counter(found["check_code"] for found in self.breaks)


@pytest.fixture
def settled() -> Callable[[str, date], Settled]:
    """Lets one night of a source through the gate and the settlement checks, from the whole history before it."""
    return _settled


def _settled(source_uri: str, night: date) -> Settled:
    with open_source(source_uri) as source:
        extracts = {name: source.static(name) for name in STATIC_RELATIONS}
        admission = admit({**extracts, FIN_TRANSACTION.name: source.night(night)}, night)
        past = admit({FIN_TRANSACTION.name: source.history(before=night)}, None).accepted[FIN_TRANSACTION.name]
        rounding = source.rounding_cents
    statics = {name: rows for name, rows in admission.accepted.items() if name != FIN_TRANSACTION.name}
    state = settlement.state_from_history(past, statics, before=night, rounding_cents=rounding)
    postings, lookback = admission.accepted[FIN_TRANSACTION.name], lookback_from_history(past, night, 92)
    found = settlement.check_night(night, postings, lookback, statics, state, rounding)
    return Settled(found.breaks.to_pylist(), admission.quarantined.to_pylist(), admission.warnings, found.warnings)


def month_ends(first: date, last: date) -> list[date]:
    """The last day of every month that ends from `first` to `last`."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in days if (day + timedelta(days=1)).day == 1]


@pytest.fixture
def empty(postgres_server: Any) -> str:
    """An empty PostgreSQL schema for one test, as an address."""
    return new_schema(postgres_server.create_database("small_banks"))
