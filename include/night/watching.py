"""The night's watch over volume, drift and performance: tonight's tables beside those of the nights before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from include.lake import Lake
from include.lake.tables import Table
from include.models.model import Model
from include.monitoring import NOTICES_TABLE, WATCH_TABLE
from include.monitoring.drift import Expected
from include.monitoring.earlier_nights import (
    REVIEW_SCHEMA,
    first_profile,
    flagged,
    flagged_before,
    nights_before,
    profiles_before,
    told_before,
)
from include.monitoring.performance import NIGHTS_SCHEMA, Findings
from include.monitoring.profiles import Profiles
from include.monitoring.volume import volume_notices
from include.monitoring.watch import NO_NIGHT_BEFORE, Watched, figures_of, watch_night
from include.night import carried_state
from include.night.handoffs import Admitted, Checked, Scored
from include.publish.alerts import score_alerts
from include.settlement import booked_days_of
from include.settlement.banking_days import BankingDays, calendar_of


@dataclass(frozen=True)
class Tonight:
    """What the watch looks at of the night itself.

    Attributes
    ----------
    night
        The night.
    model
        Model that scored it; None where none did.
    admitted
        What the gate let in.
    scores
        Scores of the postings (`SCORES_SCHEMA`).
    profile
        Profile of the postings (`PROFILE_SCHEMA`).
    decisions
        Latest decision on each reviewed posting.
    alert_budget
        Share of the postings that may be flagged.
    """

    night: date
    model: Model | None
    admitted: Admitted
    scores: pa.Table
    profile: pa.Table
    decisions: pa.Table
    alert_budget: float


def watched_since(lake: Lake, night: date) -> date:
    """The first of the nights that a night is compared with.

    A night run again is compared with the same nights as at first, whatever has been published before them since.
    """
    kept: list[date] = lake.read(WATCH_TABLE, night, night)["watched_since"].to_pylist()
    return kept[0] if kept else carried_state.first_night_of(lake, night)


def watch_over(lake: Lake, since: date, tonight: Tonight) -> Watched:
    """The drift and the performance of the scored night, compared with the nights from `since` on."""
    night, model = tonight.night, tonight.model
    return watch_night(
        night,
        None if model is None else _profiles(lake, since, tonight, model),
        None if model is None else Expected.of(model),
        _findings(lake, since, tonight),
        told_before(lake, since, night),
        figures_of(lake, night - carried_state.ONE_DAY) if since < night else NO_NIGHT_BEFORE,
    )


def volume_of(night: date, postings: int, checked: Checked, holidays: str | None) -> pa.Table:
    """Notices of far fewer or far more postings than on nights like it, also where nothing is scored."""
    first_date, booking_days = booked_days_of(checked.state_before)
    known = BankingDays(first_date, booking_days, calendar_of(holidays))
    return volume_notices(night, postings, known)


def kept_watch(scored: Scored, night: date) -> list[tuple[Table, pa.Table]]:
    """The notices and figures of the watch, as the lake keeps them with the night."""
    row = {
        "settlement_date": night,
        "watched_since": scored.watched_since,
        "figures": json.dumps(scored.watch_figures, sort_keys=True),
    }
    kept = pa.Table.from_pylist([row], schema=WATCH_TABLE.schema).drop_columns(["run_key"])
    return [(NOTICES_TABLE, carried_state.of_night(scored.notices, night)), (WATCH_TABLE, kept)]


def _profiles(lake: Lake, since: date, tonight: Tonight, model: Model) -> Profiles:
    before = profiles_before(lake, since, tonight.night)
    own = carried_state.of_night(tonight.profile, tonight.night).select(before.column_names)
    rows = pa.concat_tables([before, own])
    return Profiles.of(rows, first_profile(since, tonight.night), tonight.night, model.base_version)


def _findings(lake: Lake, since: date, tonight: Tonight) -> Findings:
    night, model = tonight.night, tonight.model
    found = flagged(score_alerts(tonight.scores, tonight.admitted.postings))
    own = pa.Table.from_pylist([_night_row(tonight)], schema=NIGHTS_SCHEMA)
    return Findings(
        nights=pa.concat_tables([nights_before(lake, since, night), own]),
        alerts=pa.concat_tables([flagged_before(lake, since, night), found]),
        reviews=tonight.decisions.select(REVIEW_SCHEMA.names),
        budget=tonight.alert_budget,
        month_rows=0 if model is None else model.training.month_rows,
    )


def _night_row(tonight: Tonight) -> dict[str, Any]:
    """The night's row of `NIGHTS_SCHEMA`."""
    counts = tonight.admitted.counts
    return {
        "settlement_date": tonight.night,
        "is_scored": tonight.model is not None,
        "scored_rows": tonight.scores.num_rows,
        "offered_rows": counts.offered_rows,
        "refused_rows": counts.refused_rows,
    }
