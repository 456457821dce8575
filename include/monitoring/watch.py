"""Monitors one night: its notices follow from its own figures and those of the nights before."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from include.errors import MissingStateError
from include.lake import Lake
from include.lake.tables import RUN_KEY, Table
from include.monitoring.drift import Expected, drift_signals
from include.monitoring.notices import NOTICES_SCHEMA, Told, notices, streaks
from include.monitoring.performance import Findings
from include.monitoring.profiles import Profiles
from include.monitoring.signals import DRIFT, Signal
from include.relations import DATE, TEXT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTICES_TABLE = Table(
    "night_notices", pa.schema([pa.field("settlement_date", DATE), *NOTICES_SCHEMA, RUN_KEY]), "settlement_date", ()
)
"""Notices of each night on drift and performance; the same sentences are among its alerts."""
WATCH_TABLE = Table(
    "night_watch",
    pa.schema(
        [
            pa.field("settlement_date", DATE),
            pa.field("watched_since", DATE),  # first of the nights that it was compared with
            pa.field("figures", TEXT),  # JSON: `Watched.figures`
            RUN_KEY,
        ]
    ),
    "settlement_date",
    (),
)
"""Figures behind the notices, one row per night."""

NO_NIGHT_BEFORE: Mapping[str, Any] = {"streaks": {}}
"""Figures that stand for the night before the first one."""


@dataclass(frozen=True)
class Watched:
    """The results of a night's monitoring.

    Attributes
    ----------
    notices
        Rows of `NOTICES_SCHEMA`.
    figures
        Figures in types that JSON has: `drift` by signal (`effect`, `limit`, `p_value`), `streaks` of nights over the
        line, and the figures of the month's findings.
    """

    notices: pa.Table
    figures: dict[str, Any]


def watch_night(
    night: date,
    profiles: Profiles | None,
    expected: Expected | None,
    findings: Findings,
    told: Sequence[Told],
    before: Mapping[str, Any],
) -> Watched:
    """Monitor one night; the same tables give the same notices.

    Parameters
    ----------
    night
        The night.
    profiles
        Profiles of the nights up to it; None where no model scores.
    expected
        Expectation from the training of the night's model.
    findings
        Findings of the nights up to it.
    told
        Notices of the nights before.
    before
        `Watched.figures` of the night before; `NO_NIGHT_BEFORE` where there is none.
    """
    drifts = [] if profiles is None else drift_signals(profiles, expected)
    signals = [*drifts, *findings.performance_signals(night)]
    lasting = streaks(signals, before["streaks"])
    figures = {
        "drift": {signal.name: _figures(signal) for signal in signals if signal.code in DRIFT},
        "streaks": lasting,
        **findings.figures(night),
    }
    return Watched(notices(night, signals, lasting, told), figures)


def _figures(signal: Signal) -> dict[str, float]:
    """The figures of a signal, rounded to four digits for people and plots; no decision uses them."""
    return {name: float(f"{getattr(signal, name):.4g}") for name in ("effect", "limit", "p_value")}


def watch(lake_uri: str, night: date) -> dict[str, Any]:
    """The notices and figures of a published night on drift and performance.

    Returns
    -------
    dict
        Values in types that JSON has: `night`; `notices`, each with `code`, `feature` (empty where it is about none),
        `text` and `asks_for_selection`; and `figures`, the `Watched.figures`.

    Raises
    ------
    MissingStateError
        When the night is not published.
    """
    lake = Lake.open(lake_uri)
    if lake.published(night) is None:
        raise MissingStateError(
            f"the night {night} is not published in {lake_uri}: play it, then ask what it told",
            night=night,
            place=lake_uri,
        )
    said = lake.read(NOTICES_TABLE, night, night, ["code", "feature", "text", "asks_for_selection"]).to_pylist()
    return {"night": night.isoformat(), "notices": said, "figures": figures_of(lake, night)}


def figures_of(lake: Lake, night: date) -> dict[str, Any]:
    """The figures that a night stored; `NO_NIGHT_BEFORE` where it stored none."""
    rows = lake.read(WATCH_TABLE, night, night)["figures"].to_pylist()
    return dict(json.loads(rows[0])) if rows else dict(NO_NIGHT_BEFORE)


def drift_plot(lake: Lake, night: date) -> Figure | None:
    """A plot of each feature's drift over the calendar month up to a night; None where nothing was compared."""
    from include.evaluation.plots import drift_over_nights

    rows = lake.read(WATCH_TABLE, night.replace(day=1), night, ["settlement_date", "figures"]).to_pylist()
    excess: dict[str, dict[date, float]] = {}
    for row in rows:
        for name, figures in json.loads(row["figures"])["drift"].items():
            spoken = name.split(maxsplit=1)[1]
            excess.setdefault(spoken, {})[row["settlement_date"]] = figures["effect"] / figures["limit"]
    return drift_over_nights(excess, data=f"nights of {night:%B %Y}") if excess else None
