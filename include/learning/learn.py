"""Lets the approved model learn a little from each published night, or records why it did not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.errors import MissingStateError, SettingsError
from include.lake import Lake
from include.learning import refresh
from include.learning.canary import CANARY, Canary, CanaryFigures, draw_canary, objections
from include.learning.refresh import REFRESH_BASELINE, draw_refresh_baseline, refreshed
from include.learning.sample import Sample
from include.learning.sampling import REFRESH_TABLE
from include.learning.updates import Update, UpdateLog, model_of
from include.models.base import Matrix, Vector
from include.models.model import Model
from include.registry import ModelRegistry
from include.settings import get_settings
from include.training.split import REFRESH_NIGHTS_SEEN
from include.training.train import HeldBack


def keep_refresh_baseline(registry: ModelRegistry, model: Model, held_back: HeldBack) -> None:
    """Seal the refresh baseline and the canary set of a model beside it; without them it never learns."""
    registry.keep(model.version, CANARY, draw_canary(model, held_back).to_bytes(model.features))
    registry.keep(model.version, REFRESH_BASELINE, draw_refresh_baseline(model, held_back).to_bytes(model.features))


def learn(lake_uri: str, night: date) -> dict[str, Any]:
    """Keep the night's ordinary postings for the champion's refreshes; once a week, refresh the champion with them.

    The habits of accounts and their peers are state and adapt every night by themselves. A refresh changes the ranking:
    preparation, detectors and calibrations, within the bounds of `include.learning.refresh`. Weights, threshold and
    sequence reader stay those of the approved model; they change with a selection, whose winner a person approves. A
    refresh is tried on the canary set and dropped where a figure fails; later nights then use the last accepted one.
    Learning from a night again gives the same version.

    Parameters
    ----------
    lake_uri
        The lake.
    night
        A published night.

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
    # A rollback waits while a refresh runs, as this function writes the log based on what it has read.
    with registry.held(approved.version):
        log = UpdateLog.read(registry, approved.version)
        known = log.of(night)
        if known is not None and known.rolled_back_by:
            return known.as_dict()
        update = _update(registry, lake, approved, log, night)
        log.having(update).write(registry)
    return update.as_dict()


def rollback_learning(
    lake_uri: str, *, night: date, by: str, why: str, champion: str | None = None, run: str = ""
) -> dict[str, Any]:
    """Take back the champion's updates from `night` on; the next night uses the last update before them.

    Later refreshes leave out the nights that were taken back. Published nights stay, and are replayed with their model.

    Parameters
    ----------
    lake_uri
        The lake.
    night
        The first night whose update is taken back. With a refresh, all nights that it was the first to learn from are
        taken back too.
    by, why
        Person who decided, and the reason; both are logged.
    champion
        Champion that the decision is about; when another one is champion by now, nothing is done.
    run
        Name of the DAG run that asks for it; one run takes back only once, however often it is cleared.

    Returns
    -------
    dict
        `base` (the approved version), `rolled_back` (the nights) and `in_force` (the version that is used now).

    Raises
    ------
    SettingsError
        When no person or no reason is named, the night has no update, another model is champion, or the run took
        something back before.
    """
    if not by.strip() or not why.strip():
        raise SettingsError(f"a rollback names who decided it and why; got by {by!r} and why {why!r}")
    registry = ModelRegistry.open(lake_uri, get_settings())
    approved = _champion(registry)
    if champion not in (None, approved.version):
        raise SettingsError(f"{champion} is not the champion, {approved.version} is: nothing was taken back")
    with registry.held(approved.version):
        log = UpdateLog.read(registry, approved.version)
        _require_first(run, log)
        after = _rolled_back(log, night, by, why, run)
        after.write(registry)
    return {
        "base": approved.version,
        "rolled_back": [str(u.night) for u, was in zip(after.updates, log.updates, strict=True) if u != was],
        "in_force": model_of(registry, approved, date.max).version,
    }


def _require_first(run: str, log: UpdateLog) -> None:
    done = next((update for update in log.updates if run and update.rolled_back_run == run), None)
    if done is not None:
        raise SettingsError(
            f"this run took back what was learned from {done.night} already, and a run takes back once: nothing was "
            "changed; trigger a new run"
        )


def _rolled_back(log: UpdateLog, night: date, by: str, why: str, run: str) -> UpdateLog:
    if log.of(night) is None:
        nights = ", ".join(str(update.night) for update in log.updates[-5:]) or "none"
        raise SettingsError(f"{log.base} has no update of the night {night}; the newest are of: {nights}")
    return log.rolled_back(night, by, why, run)


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
    """The night's update; an accepted refresh is saved."""
    canary, baseline = Canary.kept(registry, approved, CANARY), Sample.kept(registry, approved, REFRESH_BASELINE)
    obstacle = _obstacle(approved, canary, night)
    if canary is None or baseline is None or obstacle:
        return Update(
            night, approved.version, None, accepted=False, why=obstacle or _WITHOUT_BASELINE.format(approved.version)
        )
    due = _due(log, approved, night)
    gathered = gathered_rows(lake, approved, night, log.nights_taken_back(), 1 if night < due else REFRESH_NIGHTS_SEEN)
    nights = gathered["settlement_date"]
    tonight = nights.to_pylist().count(night)
    if not tonight:
        why = (
            f"nothing of {night} teaches: no posting of it was scored by {approved.version} that nothing speaks against"
        )
        return Update(night, approved.version, None, accepted=False, why=why)
    if night < due:
        why = f"{tonight} of its postings are kept for the refresh of {due}"
        return Update(night, approved.version, None, accepted=False, why=why, kept=tonight)
    model = refreshed(approved, baseline, _values(gathered, approved), night)
    update = replace(judged(approved, model, canary, len(pc.unique(nights))), kept=tonight)
    if update.accepted:
        registry.save(model)
    return update


def _due(log: UpdateLog, approved: Model, night: date) -> date:
    """The night of the next refresh: `REFRESH_NIGHTS` after the last one that was tried, or after the training."""
    tried = [update.night for update in log.updates if update.was_tried and update.night < night]
    return max([approved.training.last_night, *tried]) + timedelta(days=refresh.REFRESH_NIGHTS)


def _obstacle(approved: Model, canary: Canary | None, night: date) -> str:
    """A sentence that says why this model learns nothing from this night; empty when it may learn."""
    if approved.training.last_night >= night:
        return f"{approved.version} was trained until {approved.training.last_night}: it knows the night already"
    if canary is None or not approved.training.month_rows:
        return _WITHOUT_BASELINE.format(approved.version)
    if not len(canary.planted):
        return f"nothing could be planted into the canary set of {approved.version}: no update could be tried on it"
    return ""


_WITHOUT_BASELINE = (
    "{} was trained without a canary set and a baseline for refreshes: learning begins with the next model approved"
)


def gathered_rows(lake: Lake, approved: Model, night: date, left_out: set[date], nights: int) -> pa.Table:
    """Refresh rows of the `nights` nights that end with `night`, in the order of the nights.

    They include only nights that the approved model or a refresh of it scored, and that were not taken back.
    """
    since = max(night - timedelta(days=nights - 1), approved.training.last_night + timedelta(days=1))
    rows = lake.read(REFRESH_TABLE, since, night).sort_by("settlement_date")
    return rows.filter(
        pc.and_(
            pc.equal(rows["model_base"], approved.version),
            pc.invert(pc.is_in(rows["settlement_date"], pa.array(sorted(left_out), pa.date32()))),
        )
    )


def _values(gathered: pa.Table, approved: Model) -> Matrix:
    flat = pc.list_flatten(gathered["values"]).to_numpy()
    return np.asarray(flat, dtype=np.float64).reshape(gathered.num_rows, len(approved.features))


def judged(approved: Model, model: Model, canary: Canary, nights: int) -> Update:
    """The update that a refresh from `nights` nights becomes: accepted where no figure of the canary set fails."""
    before, after = canary.figures(approved.trained()), canary.figures(model)
    failed = objections(before, after, approved.training.budget)
    moves = np.abs(model.rarities(canary.ordinary) - approved.trained().rarities(canary.ordinary))
    night, figures = model.training.last_night, _figures(before, after, moves, nights)
    if failed:
        why = f"the update was dropped: {'; '.join(failed)}"
        return Update(night, approved.version, None, accepted=False, why=why, figures=figures)
    why = f"{nights} {'night teaches' if nights == 1 else 'nights teach'}; ordinary rarities are moved by "
    why += f"{figures['moved']:.2f} on average and by {figures['largest_move']:.2f} at most"
    return Update(night, approved.version, model.version, accepted=True, why=why, figures=figures)


def _figures(before: CanaryFigures, after: CanaryFigures, moves: Vector, nights: int) -> dict[str, float]:
    return {
        "recall": after.recall,
        "false_alarms": after.false_alarms,
        "base_recall": before.recall,
        "base_false_alarms": before.false_alarms,
        "moved": float(moves.mean()),
        "largest_move": float(moves.max()),
        "nights": float(nights),
    }
