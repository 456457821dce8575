"""Reads the installation's lake for its records of one run, independently of what was written into Airflow."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include.errors import SettlementError
from include.paths import path_of
from include.settings import DEFAULT_PLACE

if TYPE_CHECKING:
    from include.settings import Settings
    from plugins.settlement_console.run_results import Run

Figures = dict[str, Any]

LAKE_ID = "lake.id"
"""File of a lake that says which one it is; `include.lake.identity` writes it."""
_ELSEWHERE = "the run is about another lake, whose records are not shown here"


@dataclass(frozen=True)
class LakeSays:
    """The lake's records of one run.

    Attributes
    ----------
    found
        Result of the run's comparison; None where it made none.
    promotion
        Champion record that rests on the comparison.
    rolled_back_to
        Champion that the run went back to; empty where it did not.
    updates
        Updates of the champion, by night.
    nights_taken_back
        Nights whose updates this run took back.
    trouble
        Sentence on why the lake has no records; empty where it has.
    """

    found: Figures | None = None
    promotion: Figures | None = None
    rolled_back_to: str = ""
    updates: dict[str, Figures] = field(default_factory=dict)
    nights_taken_back: tuple[str, ...] = ()
    trouble: str = ""

    def update_of(self, night: str) -> Figures | None:
        """The lake's record of a night's update."""
        return self.updates.get(night)


@dataclass(frozen=True)
class NightSays:
    """The lake's record of a night.

    Attributes
    ----------
    summary
        Summary of the published night, from its manifest row; empty where it is not published.
    trouble
        Sentence on why the lake has no record, as in `LakeSays`.
    """

    summary: Figures = field(default_factory=dict)
    trouble: str = ""


def is_made(settings: Settings) -> bool:
    """Whether there is a lake to read: opening one creates it and its key, and a reader must create neither."""
    has_key = bool(settings.kms_key or settings.key_file.exists())
    return has_key and (path_of(settings.lake_uri) / LAKE_ID).exists()


def night_says(run: Run, settings: Settings) -> NightSays:
    """The record of the night that a run was asked for, where the run itself wrote it."""
    if _is_elsewhere(run):
        return NightSays(trouble=_ELSEWHERE)
    if not is_made(settings):
        return NightSays()
    try:
        return _night(settings, run)
    except SettlementError as error:
        return NightSays(trouble=f"its record cannot be shown: {error}")


def _night(settings: Settings, run: Run) -> NightSays:
    # The server loads this module at its start; the lake's libraries are imported only when somebody looks.
    from include.lake import Lake
    from include.night.request import parse_night

    row = Lake.open(settings.lake_uri, settings).published(parse_night(run.night))
    if row and not run.lasted_at(row["finished_at"]):
        at = row["finished_at"].isoformat(sep=" ", timespec="minutes")
        return NightSays(trouble=f"the lake's record of this night is another run's, which published it at {at}")
    return NightSays(json.loads(row["summary"]) if row else {})


def _is_elsewhere(run: Run) -> bool:
    return run.lakes != {DEFAULT_PLACE}


def lake_says(run: Run, settings: Settings) -> LakeSays:
    """The records of a run; this lake has none of a run about another lake."""
    if _is_elsewhere(run):
        return LakeSays(trouble=_ELSEWHERE)
    if not is_made(settings):
        return LakeSays()
    try:
        return _records(settings.lake_uri, run)
    except SettlementError as error:
        return LakeSays(trouble=f"its records cannot be shown: {error}")


def _records(lake_uri: str, run: Run) -> LakeSays:
    from include import learning, selection

    found = selection.Decisions(lake_uri, run.dag_id, run.run_id).found()
    history, updates = selection.history(lake_uri), learning.updates(lake_uri)
    return LakeSays(
        found=found,
        promotion=next((reign for reign in history if found and _rests_on(reign, found)), None),
        rolled_back_to=next((reign["version"] for reign in history if _went_back(run, reign)), ""),
        updates={update["night"]: update for update in updates},
        nights_taken_back=tuple(u["night"] for u in updates if u.get("rolled_back_run") == run.name),
    )


def _rests_on(reign: Figures, found: Figures) -> bool:
    return str(reign["decision"]).split("/")[0] == str(found["result"])


def _went_back(run: Run, reign: Figures) -> bool:
    return bool(reign["is_rollback"]) and reign.get("run") == run.name
