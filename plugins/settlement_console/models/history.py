"""Content of the Models page: the champion and its history, what it learned, and past selections."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from include.settings import Settings
from plugins.settlement_console.charts import Chart
from plugins.settlement_console.folders import NoSuchFileError, ShownFolder
from plugins.settlement_console.lake_reader import opened_lake
from plugins.settlement_console.lake_says import is_made
from plugins.settlement_console.models.evidence import FIGURES, packs_of

# Two weeks of nights and a quarter of weekly selections; the older ones stay in the lake.
UPDATES_SHOWN = 14
SELECTIONS_SHOWN = 13


@dataclass(frozen=True)
class ModelsPage:
    """The models of a lake, the newest first everywhere.

    Attributes
    ----------
    reigns
        Champions with `version`, `since`, `by`, `why`, `is_rollback`; the first one is champion.
    updates
        Updates of the champion, of all its nights (the newest one in force may be old), with `night`, `version`,
        `accepted`, `why`, `figures`, `rolled_back_by`, `rolled_back_why`.
    selections
        Past selections, of which the page lists the newest, with `selection`, `before`, `verdict`, `is_better`,
        `challenger`, `champion`, `made_at`.
    """

    reigns: list[dict[str, Any]]
    updates: list[dict[str, Any]]
    selections: list[dict[str, Any]]

    @property
    def newest_updates(self) -> list[dict[str, Any]]:
        """The updates that the page lists."""
        return self.updates[:UPDATES_SHOWN]

    @property
    def newest_selections(self) -> list[dict[str, Any]]:
        """The selections that the page lists."""
        return self.selections[:SELECTIONS_SHOWN]

    @property
    def champion(self) -> dict[str, Any] | None:
        """The champion's record, which does not include what it learned since."""
        return self.reigns[0] if self.reigns else None

    @property
    def in_force(self) -> str | None:
        """The version that scores the next night: the newest update in force, else the champion itself."""
        held = [update["version"] for update in self.updates if update["accepted"] and not update["rolled_back_by"]]
        return next(iter(held), self.champion["version"] if self.champion else None)

    def fate(self, selection: dict[str, Any]) -> str:
        """The outcome for a selection's challenger; the same one may be found, and refused, several times."""
        if not selection["is_better"]:
            return "nothing to decide"
        ends = [other["made_at"] for other in self.selections if other["made_at"] > selection["made_at"]]
        until = min(ends, default="9999")
        promoted = [reign for reign in self.reigns if selection["made_at"] <= reign["since"] < until]
        by = next((reign["by"] for reign in promoted if reign["version"] == selection["challenger"]), "")
        return f"promoted by {by}" if by else "not promoted"


def models_page(settings: Settings) -> ModelsPage:
    """The page of a lake; empty where nothing was trained yet."""
    if not is_made(settings):
        return ModelsPage([], [], [])
    # The server loads this module at start; the lake's libraries only once somebody looks.
    from include import learning, selection

    lake_uri = settings.lake_uri
    return ModelsPage(selection.history(lake_uri), learning.updates(lake_uri), selection.selections(lake_uri))


def nights_drawn(settings: Settings) -> list[Chart]:
    """The charts of drift and performance over the last nights; none without a lake."""
    from plugins.settlement_console.models.plots import night_charts

    lake = opened_lake(settings)
    return [] if lake is None else night_charts(lake)


def champion_looks(settings: Settings, page: ModelsPage) -> Chart | None:
    """What the champion looks at, by the selection that found it; None where that kept no figures of it."""
    if page.champion is None:
        return None
    version, packs = page.champion["version"], packs_of(settings.lake_uri)
    found = (_looks(packs, each["selection"], version) for each in page.selections if each["challenger"] == version)
    return next((chart for chart in found if chart), None)


def _looks(packs: ShownFolder, selection: str, version: str) -> Chart | None:
    """What a selection's challenger looks at; None where it kept no figures of that version that can be read."""
    from plugins.settlement_console.models.plots import attributions_chart

    try:
        figures = json.loads(packs.read(f"{selection}/{FIGURES}").content)
        return attributions_chart(figures) if figures["version"] == version else None
    except (NoSuchFileError, ValueError, TypeError, LookupError):
        return None
