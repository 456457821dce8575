"""Reads the past that a model is trained on: all postings before a date that the gate accepts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from include.quality import admit
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.settings import get_settings
from include.sources import open_source


@dataclass(frozen=True)
class Past:
    """The past of a bank.

    Attributes
    ----------
    history
        Accepted postings, from the first one recorded.
    statics
        Static relations by name.
    rounding_cents
        Rounding of the source's balances, in cents; balances chain within it.
    """

    history: pa.Table
    statics: dict[str, pa.Table]
    rounding_cents: int


def read_past(source_uri: str, before: date) -> Past:
    """The past of a source: its postings dated before `before`; nothing later is read."""
    with open_source(source_uri, timeout_seconds=get_settings().source_timeout_seconds) as source:
        statics = admit({name: source.static(name) for name in STATIC_RELATIONS}, None).accepted
        history = admit({FIN_TRANSACTION.name: source.history(before=before)}, None).accepted
        past = Past(history[FIN_TRANSACTION.name], statics, source.rounding_cents)
    # Judging a million postings leaves 1.7 GB that Arrow would keep for itself; later steps need the memory.
    pa.default_memory_pool().release_unused()
    return past
