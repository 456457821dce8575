"""Made-up figures of nights."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from plugins.settlement_console.nights.figures import NightFigures

FIRST = date(1994, 1, 1)


def figures(night: date, **changed: Any) -> NightFigures:
    """The figures of one night: a thousand postings, five breaks of one check, ten flagged for one reason."""
    given = {
        **dict.fromkeys(("offered", "published"), 1000),
        **dict.fromkeys(("quarantined", "deduplicated", "unreadable"), 0),
        "breaks": {"balance_chain": 5},
        "flagged": 10,
        "model_version": "ensemble-1",
        "finished_at": datetime.combine(night + timedelta(1), time(3), UTC),
        "run_key": "k",
        "reasons": {"amount": 10},
        **changed,
    }
    return NightFigures(night, **given)


def nights_of(*flagged: int, first: date = FIRST) -> list[NightFigures]:
    """Nights in a row with so many flagged postings each."""
    return [figures(first + timedelta(place), flagged=number) for place, number in enumerate(flagged)]
