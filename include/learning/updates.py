"""The log of an approved model's nightly updates, sealed beside it: what each one learned, and what was taken back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Self

from include.errors import IntegrityError
from include.models.model import Model
from include.registry import ModelRegistry
from include.registry.models import UPDATES


@dataclass(frozen=True)
class Update:
    """The outcome of one night's update.

    Attributes
    ----------
    night
        Last night that the update learned from.
    base
        Version of the approved model.
    version
        Version of the updated model; None where there is none, because the update was dropped or none was due.
    accepted
        Whether later nights use the update.
    why
        Sentence on what was learned, or which figure failed.
    figures
        Figures of the canary set, number of nights and sizes of the moves; empty where there was no refresh.
    kept
        Number of the night's postings that were kept for refreshes.
    rolled_back_by, rolled_back_why
        Person who took the update back, and the reason; empty while nobody did.
    rolled_back_run
        DAG run that took the update back; empty for a command.
    """

    night: date
    base: str
    version: str | None
    accepted: bool
    why: str
    figures: dict[str, float] = field(default_factory=dict)
    kept: int = 0
    rolled_back_by: str = ""
    rolled_back_why: str = ""
    rolled_back_run: str = ""

    @property
    def is_in_force(self) -> bool:
        """Whether the update was accepted and not taken back."""
        return self.accepted and not self.rolled_back_by

    @property
    def was_tried(self) -> bool:
        """Whether there was a refresh, accepted or not; nights between refreshes only gather rows."""
        return bool(self.figures)

    def as_dict(self) -> dict[str, Any]:
        """The update in types that JSON has, with its `fate`."""
        return {**asdict(self), "night": self.night.isoformat(), "fate": self.fate}

    @property
    def fate(self) -> str:
        """The outcome of the update in a word or two, for people."""
        if self.rolled_back_by:
            return "taken back"
        if self.was_tried:
            return "accepted" if self.accepted else "dropped"
        return "kept for the next refresh" if self.kept else "nothing learned"

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Self:
        """Rebuild the update from `as_dict()`."""
        known = {name: value for name, value in found.items() if name != "fate"}
        return cls(**{**known, "night": date.fromisoformat(found["night"])})


@dataclass(frozen=True)
class UpdateLog:
    """All updates of one approved version, one per night, oldest first."""

    base: str
    updates: tuple[Update, ...] = ()

    @classmethod
    def read(cls, registry: ModelRegistry, base: str) -> Self:
        """Read the stored log; it is empty where nothing was learned yet.

        Raises
        ------
        IntegrityError
            When its bytes do not verify, or are not what `write` writes.
        """
        content = registry.kept(base, UPDATES)
        if content is None:
            return cls(base)
        try:
            return cls(base, tuple(Update.from_dict(found) for found in json.loads(content)))
        except (ValueError, TypeError, KeyError) as error:
            raise IntegrityError(
                f"the log of updates of model {base} verifies, but is not what this registry writes "
                f"({type(error).__name__}): restore it, or approve a model anew"
            ) from error

    def write(self, registry: ModelRegistry) -> None:
        """Store the whole log."""
        registry.keep(self.base, UPDATES, json.dumps([update.as_dict() for update in self.updates]).encode())

    def of(self, night: date) -> Update | None:
        """The night's update, if there was one."""
        return next((update for update in self.updates if update.night == night), None)

    def having(self, update: Update) -> Self:
        """The log with this update as the one of its night."""
        others = [known for known in self.updates if known.night != update.night]
        return replace(self, updates=tuple(sorted([*others, update], key=lambda known: known.night)))

    def newest_before(self, night: date) -> Update | None:
        """The newest update in force from a night before `night`; None without one."""
        return max(
            (update for update in self.updates if update.is_in_force and update.night < night),
            key=lambda update: update.night,
            default=None,
        )

    def rolled_back(self, since: date, by: str, why: str, run: str = "") -> Self:
        """The log with every update from the night `since` on taken back.

        Where that night had a refresh, the nights that this refresh was the first to learn from are taken back too;
        otherwise the next refresh would learn from them again.
        """
        refreshes = [update.night for update in self.updates if update.was_tried]
        if since in refreshes:
            before = [night for night in refreshes if night < since]
            since = max(before) + timedelta(days=1) if before else date.min
        return replace(self, updates=tuple(_taken_back(self.updates, since, by, why, run)))

    def nights_taken_back(self) -> set[date]:
        """The nights that were taken back, so that refreshes leave out their postings."""
        return {update.night for update in self.updates if update.rolled_back_by}


def model_of(registry: ModelRegistry, approved: Model, night: date) -> Model:
    """The approved model with the newest update in force from a night before `night`.

    Raises
    ------
    IntegrityError
        When the log or the updated model does not verify.
    """
    update = UpdateLog.read(registry, approved.version).newest_before(night)
    return approved if update is None or update.version is None else registry.load(update.version)


def _taken_back(updates: Iterable[Update], since: date, by: str, why: str, run: str) -> Iterable[Update]:
    for update in updates:
        is_meant = update.night >= since and not update.rolled_back_by
        back = replace(update, rolled_back_by=by, rolled_back_why=why, rolled_back_run=run)
        yield back if is_meant else update
