"""What the installation's lake holds of one run, whatever was written into Airflow."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include.errors import SettlementError
from include.settings import DEFAULT_PLACE, get_settings

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

Figures = dict[str, Any]

_ELSEWHERE = "the run is about another lake, whose records are not shown here"


@dataclass(frozen=True)
class LakeSays:
    """The lake's records of one run.

    Attributes
    ----------
    found
        What the run's comparison found; None where it made none.
    promotion
        The line of the champion's history that rests on it.
    rolled_back_to
        The champion that the run went back to; empty where it did not.
    updates
        What the champion learned, by night.
    nights_taken_back
        Of what was learned, by this run.
    trouble
        Why the lake says nothing, in a sentence; empty where it does.
    """

    found: Figures | None = None
    promotion: Figures | None = None
    rolled_back_to: str = ""
    updates: dict[str, Figures] = field(default_factory=dict)
    nights_taken_back: tuple[str, ...] = ()
    trouble: str = ""

    def update_of(self, night: str) -> Figures | None:
        """What the lake says became of a night's update."""
        return self.updates.get(night)


@dataclass(frozen=True)
class NightSays:
    """The lake's record of a night.

    Attributes
    ----------
    summary
        The summary of the published night, from its manifest row; empty where it is not published.
    trouble
        As in `LakeSays`.
    """

    summary: Figures = field(default_factory=dict)
    trouble: str = ""


def night_says(run: DagRun, night: str) -> NightSays:
    """The record of the night that a run was asked for."""
    if _is_elsewhere(run):
        return NightSays(trouble=_ELSEWHERE)
    from include.lake import Lake
    from include.night.request import parse_night

    try:
        row = Lake.open(get_settings().lake_uri).published(parse_night(night))
    except SettlementError as error:
        return NightSays(trouble=f"its record cannot be shown: {error}")
    return NightSays(json.loads(row["summary"]) if row else {})


def _is_elsewhere(run: DagRun) -> bool:
    return (run.conf or {}).get("lake") not in (None, "", DEFAULT_PLACE)


def lake_says(run: DagRun) -> LakeSays:
    """The records of a run; of a run about another lake this one has none."""
    lake_uri = get_settings().lake_uri
    if _is_elsewhere(run):
        return LakeSays(trouble=_ELSEWHERE)
    try:
        return _records(lake_uri, run)
    except SettlementError as error:
        return LakeSays(trouble=f"its records cannot be shown: {error}")


def _records(lake_uri: str, run: DagRun) -> LakeSays:
    # The server loads this module at start; the lake's libraries only once somebody looks.
    from include import learning, selection

    found = selection.Decisions(lake_uri, run.dag_id, run.run_id).found()
    history, updates = selection.history(lake_uri), learning.updates(lake_uri)
    why = str((run.conf or {}).get("why", ""))
    back = (reign["version"] for reign in history if reign["is_rollback"] and _is_by(run, reign, why))
    return LakeSays(
        found=found,
        promotion=next((reign for reign in history if found and _rests_on(reign, found)), None),
        rolled_back_to=next(back, ""),
        updates={update["night"]: update for update in updates},
        nights_taken_back=tuple(u["night"] for u in updates if why and u["rolled_back_why"] == why),
    )


def _rests_on(reign: Figures, found: Figures) -> bool:
    return str(reign["decision"]).split("/")[0] == found["result"]


def _is_by(run: DagRun, reign: Figures, why: str) -> bool:
    """A rollback since the run began, for the reason it was given."""
    began = run.start_date
    return began is not None and reign["why"] == why and reign["since"] >= began.isoformat(timespec="seconds")
