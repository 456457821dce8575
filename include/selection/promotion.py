"""Promotes a model version to champion, rolls a champion back, and tells the history of both."""

from __future__ import annotations

from typing import Any

from include.errors import SettingsError
from include.registry import ModelRegistry
from include.registry.models import ANY_CHAMPION
from include.settings import get_settings

MOST_CHARACTERS = 1_000
"""Largest number of characters of a name or a reason: a paragraph is a reason, a document belongs elsewhere."""


def promote(
    lake_uri: str,
    version: str,
    *,
    by: str,
    why: str,
    champion: str | None = ANY_CHAMPION,
    decision: str = "",
    run: str = "",
) -> dict[str, Any]:
    """Make a version the champion; it scores from the next night on that is played for the first time.

    Nights run again keep the model their manifest names. Promoting the champion again changes nothing.

    Parameters
    ----------
    lake_uri
        The lake.
    version
        A stored model.
    by, why
        Who decided it and for what reason, for the history.
    champion
        The champion it was compared with, None where there was none. When another one is champion by now, nothing is
        done: nobody compared these two.
    decision
        Names the answer it rests on, which promotes once.
    run
        Names the DAG's run that asks for it, which changes the champion once.

    Returns
    -------
    dict
        `champion` (now) and `before` (None where there was none).

    Raises
    ------
    SettingsError, IntegrityError
        When there is no such version, it does not verify, nobody is named, it was compared with another champion, or
        the answer or the run was acted on before; the champion then stays.
    """
    _require_said(by, why)
    registry = ModelRegistry.open(lake_uri, get_settings())
    before = registry.promote(version, by=by, why=why, champion=champion, decision=decision, run=run)
    return {"champion": version, "before": before}


def rollback(lake_uri: str, *, by: str, why: str, champion: str | None = None, run: str = "") -> dict[str, Any]:
    """Make the champion before the current one champion again; a second time goes one further back.

    Parameters
    ----------
    lake_uri
        The lake.
    by, why
        Who decided it and for what reason, for the history.
    champion
        The champion that was looked at when it was decided. When another one is champion by now, nothing is done, so
        that a call repeated by a retry or a second click goes back once.
    run
        Names the DAG's run that asks for it, which changes the champion once.

    Returns
    -------
    dict
        `champion` (now) and `before` (the one rolled back).

    Raises
    ------
    SettingsError, IntegrityError
        When there is none to go back to, it does not verify, nobody is named, or the run changed the champion before;
        the champion then stays.
    """
    _require_said(by, why)
    registry = ModelRegistry.open(lake_uri, get_settings())
    before = registry.champion()
    return {"champion": registry.roll_back(by=by, why=why, champion=champion, run=run), "before": before}


def history(lake_uri: str) -> list[dict[str, Any]]:
    """Every champion there was, the newest first, each as `ChampionRecord` has it."""
    return [dict(vars(reign)) for reign in ModelRegistry.open(lake_uri, get_settings()).history()]


def _require_said(by: str, why: str) -> None:
    for name, said in (("by", by), ("why", why)):
        if not said.strip() or len(said) > MOST_CHARACTERS:
            raise SettingsError(
                f"{name} has {len(said.strip())} characters: say who decides and why, each in 1 to {MOST_CHARACTERS}"
            )
