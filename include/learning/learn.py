"""After each published night: the approved model learns a little from it, or it is said why not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.errors import MissingStateError, SettingsError
from include.lake import Lake
from include.learning.adapt import adapted
from include.learning.canary import Canary, CanaryFigures, kept_canary, objections
from include.learning.profile import PROFILE_TABLE
from include.learning.teaching import WINDOW_NIGHTS
from include.learning.updates import Update, UpdateLog, model_of
from include.models.model import Model
from include.registry import ModelRegistry
from include.settings import get_settings


def learn(lake_uri: str, night: date) -> dict[str, Any]:
    """Move the champion's calibrations by what `night` and those before it taught.

    What adapts by itself each night are the habits of accounts and their peers, which are state. What is adapted here
    are the calibrations: how rare a value of a feature, a detector's score and the blended score are. Detectors,
    weights and threshold stay the approved model's; they are refreshed by the weekly selection, which trains anew and
    whose winner a person approves. The update is tried on the canary set, and dropped where a figure
    fails; later nights then use the last one that held. Learning a night again gives the same version.

    Parameters
    ----------
    lake_uri
        The lake.
    night
        Published.

    Returns
    -------
    dict
        `Update.as_dict()`: the night, the base, the version (None where nothing was learned), whether it was accepted,
        a sentence why, and the figures.

    Raises
    ------
    MissingStateError
        When the night is not published.
    IntegrityError
        When the champion, its canary set or its log does not verify.
    """
    lake, registry = Lake.open(lake_uri), ModelRegistry.open(lake_uri, get_settings())
    if lake.published(night) is None:
        raise MissingStateError(f"the night {night} is not published: there is nothing to learn from; publish it first")
    if registry.champion() is None:
        return Update(night, "", None, accepted=False, why="there is no champion that could learn").as_dict()
    approved = _champion(registry)
    log = UpdateLog.read(registry, approved.version)
    known = log.of(night)
    if known is not None and known.rolled_back_by:
        return known.as_dict()
    update = _update(registry, lake, approved, log, night)
    log.having(update).write(registry)
    return update.as_dict()


def rollback_learning(lake_uri: str, *, night: date, by: str, why: str) -> dict[str, Any]:
    """Take back the champion's updates from `night` on; from the next night on the one before them is used.

    The nights they ended with no longer teach. What has been published stays, and is replayed with the model it had.

    Parameters
    ----------
    lake_uri
        The lake.
    night
        The first night whose update is taken back.
    by, why
        Who decided, and the reason; both are logged.

    Returns
    -------
    dict
        `base`, `rolled_back` (the nights), and `in_force`, the version that is used now.

    Raises
    ------
    SettingsError
        When nobody or no reason is named, or the night has no update.
    """
    if not by.strip() or not why.strip():
        raise SettingsError(f"a rollback names who decided it and why; got by {by!r} and why {why!r}")
    registry = ModelRegistry.open(lake_uri, get_settings())
    approved = _champion(registry)
    log = UpdateLog.read(registry, approved.version)
    if log.of(night) is None:
        nights = ", ".join(str(update.night) for update in log.updates[-5:]) or "none"
        raise SettingsError(f"{approved.version} has no update of the night {night}; the newest are of: {nights}")
    after = log.rolled_back(night, by, why)
    after.write(registry)
    return {
        "base": approved.version,
        "rolled_back": [str(u.night) for u, was in zip(after.updates, log.updates, strict=True) if u != was],
        "in_force": model_of(registry, approved, date.max).version,
    }


def updates(lake_uri: str) -> list[dict[str, Any]]:
    """Every update of the champion, newest first; none where there is no champion."""
    registry = ModelRegistry.open(lake_uri, get_settings())
    champion = registry.champion()
    if champion is None:
        return []
    return [update.as_dict() for update in reversed(UpdateLog.read(registry, champion).updates)]


def _champion(registry: ModelRegistry) -> Model:
    champion = registry.champion()
    if champion is None:
        raise MissingStateError(
            f"there is no champion in {registry.folder}: nothing was approved yet, so nothing was learned; promote one"
        )
    return registry.load(champion)


def _update(registry: ModelRegistry, lake: Lake, approved: Model, log: UpdateLog, night: date) -> Update:
    """The night's update, saved where it is accepted."""
    kept = kept_canary(registry, approved)
    obstacle = _obstacle(approved, kept, night)
    if kept is None or obstacle:
        return Update(night, approved.version, None, accepted=False, why=obstacle)
    canary, reference = kept
    profiles = teaching_profiles(lake, approved, night, log.untaught())
    if night not in profiles["settlement_date"].to_pylist():
        why = f"no posting of {night} was scored by {approved.version} or by what it learned"
        return Update(night, approved.version, None, accepted=False, why=why)
    model = adapted(approved, model_of(registry, approved, night), profiles, reference, night)
    update = judged(approved, model, canary, profiles)
    if update.accepted:
        registry.save(model)
    return update


def _obstacle(approved: Model, kept: tuple[Canary, pa.Table] | None, night: date) -> str:
    """Why this model learns nothing from this night; empty when it may."""
    if approved.training.last_night >= night:
        return f"{approved.version} was trained until {approved.training.last_night}: it knows the night already"
    if kept is None or not approved.training.month_rows:
        return f"{approved.version} was trained without a canary set: learning begins with the next model approved"
    if not len(kept[0].planted):
        return f"nothing could be planted into the canary set of {approved.version}: no update could be tried on it"
    return ""


def teaching_profiles(lake: Lake, approved: Model, night: date, untaught: set[date]) -> pa.Table:
    """Profiles of the `WINDOW_NIGHTS` that end with `night`, of the approved model's scale and that still may teach."""
    since = max(night - timedelta(days=WINDOW_NIGHTS - 1), approved.training.last_night + timedelta(days=1))
    profiles = lake.read(PROFILE_TABLE, since, night)
    return profiles.filter(
        pc.and_(
            pc.equal(profiles["model_base"], approved.version),
            pc.invert(pc.is_in(profiles["settlement_date"], pa.array(sorted(untaught), pa.date32()))),
        )
    )


def judged(approved: Model, model: Model, canary: Canary, profiles: pa.Table) -> Update:
    """What becomes of an update: it is accepted where no figure of the canary set fails."""
    before, after = canary.figures(approved), canary.figures(model)
    failed = objections(before, after, approved.training.budget)
    night, figures = model.training.last_night, _figures(model, before, after, profiles)
    if failed:
        why = f"the update was dropped: {'; '.join(failed)}"
        return Update(night, approved.version, None, accepted=False, why=why, figures=figures)
    why = f"{figures['nights']:.0f} nights teach; rarities are moved by at most {figures['largest_shift']:.2f}"
    return Update(night, approved.version, model.version, accepted=True, why=why, figures=figures)


def _figures(model: Model, before: CanaryFigures, after: CanaryFigures, profiles: pa.Table) -> dict[str, float]:
    moved = [float(np.abs(shift).max()) for shift in model.shifts().values()]
    return {
        "recall": after.recall,
        "false_alarms": after.false_alarms,
        "base_recall": before.recall,
        "base_false_alarms": before.false_alarms,
        "largest_shift": max(moved, default=0.0),
        "nights": float(len(pc.unique(profiles["settlement_date"]))),
    }
