"""The night's watch over drift and performance: tonight's tables beside those of the nights before."""

from __future__ import annotations

import json
from datetime import date

import pyarrow as pa

from include.lake import Lake
from include.lake.tables import BREAKS_SCHEMA, Table
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
from include.monitoring.watch import NO_NIGHT_BEFORE, figures_of, watch_night
from include.night import carried_state
from include.night.workspace import Workspace
from include.publish.alerts import alert_queue
from include.relations import FIN_TRANSACTION
from include.settings import get_settings
from include.settlement import SettlementState
from include.settlement.banking_days import BankingDays, calendar_of

NOTICES, WATCH = "notices", "watch"
"""Under which the work folder keeps what was told, and the figures."""


def watch_over(workspace: Workspace, lake: Lake, night: date, model: Model | None, decisions: pa.Table) -> None:
    """Compare the scored night with those before it, and keep what is to be told.

    A night run again is compared with the same nights as at first, whatever has been published before them since.
    """
    since = _watched_since(lake, night)
    watched = watch_night(
        night,
        None if model is None else _profiles(workspace, lake, since, night, model),
        None if model is None else Expected.of(model),
        _findings(workspace, lake, since, night, model, decisions),
        told_before(lake, since, night),
        figures_of(lake, night - carried_state.ONE_DAY) if since < night else NO_NIGHT_BEFORE,
    )
    workspace.put(NOTICES, pa.concat_tables([_volume(workspace, night), watched.notices]))
    workspace.note(WATCH, {"since": since, "figures": watched.figures})


def _volume(workspace: Workspace, night: date) -> pa.Table:
    """Whether far fewer or far more postings came than on nights like it, also where nothing is scored."""
    state = SettlementState.from_tables(workspace.get_many("state.before.settlement"))
    calendar = calendar_of(workspace.read_note("began")["holidays"])
    known = BankingDays(state.first_date, state.booking_days, calendar)
    return volume_notices(night, workspace.get(f"accepted.{FIN_TRANSACTION.name}").num_rows, known)


def kept_watch(workspace: Workspace, night: date) -> list[tuple[Table, pa.Table]]:
    """What was told and the figures, as the lake keeps them with the night."""
    note = workspace.read_note(WATCH)
    row = {
        "settlement_date": night,
        "watched_since": date.fromisoformat(note["since"]),
        "figures": json.dumps(note["figures"], sort_keys=True),
    }
    kept = pa.Table.from_pylist([row], schema=WATCH_TABLE.schema).drop_columns(["run_key"])
    told = carried_state.dated({NOTICES: workspace.get(NOTICES)}, night)[NOTICES]
    return [(NOTICES_TABLE, told), (WATCH_TABLE, kept)]


def _watched_since(lake: Lake, night: date) -> date:
    kept = lake.read(WATCH_TABLE, night, night)["watched_since"].to_pylist()
    return kept[0] if kept else carried_state.first_night_of(lake, night)


def _profiles(workspace: Workspace, lake: Lake, since: date, night: date, model: Model) -> Profiles:
    tonight = carried_state.dated({"profile": workspace.get("profile")}, night)["profile"]
    before = profiles_before(lake, since, night)
    rows = pa.concat_tables([before, tonight.select(before.column_names)])
    return Profiles.of(rows, first_profile(since, night), night, model.base_version)


def _findings(
    workspace: Workspace, lake: Lake, since: date, night: date, model: Model | None, decisions: pa.Table
) -> Findings:
    counts, scores = workspace.read_note("gate")["counts"], workspace.get("scores")
    postings = workspace.get(f"accepted.{FIN_TRANSACTION.name}").slice(0, 0)
    row = {
        "settlement_date": night,
        "is_scored": model is not None,
        "scored_rows": scores.num_rows,
        "offered_rows": counts["offered_rows"],
        "refused_rows": counts["quarantined_rows"] + counts["unreadable_rows"],
    }
    tonight = flagged(alert_queue(BREAKS_SCHEMA.empty_table(), scores, postings, [], []))
    return Findings(
        nights=pa.concat_tables([nights_before(lake, since, night), pa.Table.from_pylist([row], schema=NIGHTS_SCHEMA)]),
        alerts=pa.concat_tables([flagged_before(lake, since, night), tonight]),
        reviews=decisions.select(REVIEW_SCHEMA.names),
        budget=get_settings().alert_budget,
        month_rows=0 if model is None else model.training.month_rows,
    )
