"""The models that may have learned from a client's postings, and by when they are to be trained anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from include.learning.sampling import WINDOW_NIGHTS
from include.learning.updates import UpdateLog
from include.paths import path_of
from include.registry import ModelRegistry
from include.registry.models import MODELS
from include.settings import Settings


@dataclass(frozen=True)
class LearnedModel:
    """A model version that may have learned from the client.

    Attributes
    ----------
    version
        Version of the model.
    first_day, last_day
        Days whose postings it was trained on.
    is_champion
        Whether it is the champion.
    is_refreshed
        Whether only its refreshes reach the client's postings, and not its training.
    """

    version: str
    first_day: date
    last_day: date
    is_champion: bool
    is_refreshed: bool

    def as_dict(self) -> dict[str, Any]:
        """The figures for people."""
        return {
            "version": self.version,
            "trained_on": f"{self.first_day} to {self.last_day}",
            "is_champion": self.is_champion,
            "only_its_refreshes": self.is_refreshed,
        }


def learned_from(lake_uri: str, days: tuple[date, date] | None, settings: Settings) -> list[LearnedModel]:
    """Every stored version whose training or refreshes reach the days of the client's postings.

    A training of a large bank draws whole accounts by seed. Whether an account was drawn follows from the postings of
    all accounts as the source had them on that day, which nobody keeps: every training that reaches the client's
    postings counts as one that learned from them.

    Parameters
    ----------
    lake_uri
        The lake.
    days
        First and last day of the client's postings; None where there are none.
    settings
        Settings of the installation.
    """
    if days is None or not (path_of(lake_uri) / MODELS).exists():
        return []
    registry = ModelRegistry.open(lake_uri, settings)
    found = (_learned(registry, version, days, registry.champion()) for version in registry.versions())
    return [model for model in found if model is not None]


def _learned(
    registry: ModelRegistry, version: str, days: tuple[date, date], champion: str | None
) -> LearnedModel | None:
    first, last = registry.training_span(version)
    is_trained = first <= days[1] and days[0] <= last
    if not is_trained and not _is_refreshed(registry, version, days):
        return None
    return LearnedModel(version, first, last, version == champion, not is_trained)


def _is_refreshed(registry: ModelRegistry, version: str, days: tuple[date, date]) -> bool:
    """Whether an update in force learned from nights on which the client had postings."""
    nights = [update.night for update in UpdateLog.read(registry, version).updates if update.is_in_force]
    return any(days[0] <= night and (night - days[1]).days <= WINDOW_NIGHTS for night in nights)
