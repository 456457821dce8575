"""The log of an approved model's nightly updates, sealed beside it: what each taught, and what was taken back."""

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
    """What became of one night's update.

    Attributes
    ----------
    night
        The last night that taught.
    base
        The approved version.
    version
        The updated model's; None where the update was dropped.
    accepted
        Whether nights after it use it.
    why
        A sentence: what was learned, or which figure failed.
    figures
        Of the canary set, and how much was taught and moved; empty where there was no refresh.
    kept
        How many of the night's postings were kept for refreshes.
    rolled_back_by, rolled_back_why
        Who took it back and why; empty while nobody did.
    rolled_back_run
        The DAG's run that took it back; empty of a command.
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
        """Accepted, and nobody took it back."""
        return self.accepted and not self.rolled_back_by

    @property
    def was_tried(self) -> bool:
        """Whether there was a refresh, accepted or not; nights between refreshes only gather rows."""
        return bool(self.figures)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it, with what became of it in a word or two."""
        return {**asdict(self), "night": self.night.isoformat(), "fate": self.fate}

    @property
    def fate(self) -> str:
        """What became of it, for people."""
        if self.rolled_back_by:
            return "taken back"
        if self.was_tried:
            return "accepted" if self.accepted else "dropped"
        return "kept for the next refresh" if self.kept else "nothing learned"

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Self:
        """The update again."""
        known = {name: value for name, value in found.items() if name != "fate"}
        return cls(**{**known, "night": date.fromisoformat(found["night"])})


@dataclass(frozen=True)
class UpdateLog:
    """All updates of one approved version, one a night, oldest first."""

    base: str
    updates: tuple[Update, ...] = ()

    @classmethod
    def read(cls, registry: ModelRegistry, base: str) -> Self:
        """The log as it is kept; empty where nothing was learned yet.

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
        """Keep the log, whole."""
        registry.keep(self.base, UPDATES, json.dumps([update.as_dict() for update in self.updates]).encode())

    def of(self, night: date) -> Update | None:
        """The night's update, if there was one."""
        return next((update for update in self.updates if update.night == night), None)

    def having(self, update: Update) -> Self:
        """The log with this update in its night's place."""
        others = [known for known in self.updates if known.night != update.night]
        return replace(self, updates=tuple(sorted([*others, update], key=lambda known: known.night)))

    def newest_before(self, night: date) -> Update | None:
        """The newest update in force of a night before `night`."""
        return max(
            (update for update in self.updates if update.is_in_force and update.night < night),
            key=lambda update: update.night,
            default=None,
        )

    def rolled_back(self, since: date, by: str, why: str, run: str = "") -> Self:
        """The log with every update from the night `since` on taken back.

        Where that night ended with a refresh, those before it whose postings first came in with the refresh are, too:
        they would be in the next one again.
        """
        refreshes = [update.night for update in self.updates if update.was_tried]
        if since in refreshes:
            before = [night for night in refreshes if night < since]
            since = max(before) + timedelta(days=1) if before else date.min
        return replace(self, updates=tuple(_taken_back(self.updates, since, by, why, run)))

    def untaught(self) -> set[date]:
        """Nights whose postings no longer teach: those that were taken back."""
        return {update.night for update in self.updates if update.rolled_back_by}


def model_of(registry: ModelRegistry, approved: Model, night: date) -> Model:
    """The approved model as the nights before `night` adapted it.

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
