"""Who is champion: promoted by a person, rolled back by a person, with a history of both."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any

from upath import UPath

from include.errors import SettingsError
from include.registry import ModelRegistry
from include.registry.models import WHOEVER
from include.settings import get_settings

MOST_CHARACTERS = 1_000
"""Of a name or a reason: a paragraph is a reason, a document belongs elsewhere."""
_FOLDERS = frozenset({"", "file", "local"})
_OBJECTS = frozenset({"s3", "s3a", "s3n"})


def promote(lake_uri: str, version: str, *, by: str, why: str, champion: str | None = WHOEVER) -> dict[str, Any]:
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

    Returns
    -------
    dict
        `champion` (now) and `before` (None where there was none).

    Raises
    ------
    SettingsError, IntegrityError
        When there is no such version, it does not verify, nobody is named, or it was compared with another champion;
        the champion then stays.
    """
    _require_said(by, why)
    before = ModelRegistry.open(lake_uri, get_settings()).promote(version, by=by, why=why, champion=champion)
    return {"champion": version, "before": before}


def require_own_source(source_uri: str, lake_uri: str) -> None:
    """The installation's own lake gets its nights and models from the installation's own source; another lake from any.

    Who may trigger a run may name any source and any lake that the installation reaches. With a source of their own
    they would else make a model that overlooks what they like, and have it score the bank's nights.

    Raises
    ------
    SettingsError
        When the lake is, or may be, the installation's own and the source is another one.
    """
    if _is_own_lake(lake_uri) and source_uri.rstrip("/") != get_settings().source_uri.rstrip("/"):
        # Neither address is shown: it may hold a password.
        raise SettingsError(
            "the installation's own lake gets nights and models from its own source only, and this run names another: "
            "leave `source` empty, give a lake of its own as `lake`, or set ADS_SOURCE_URI where Airflow is started"
        )


def _is_own_lake(lake_uri: str) -> bool:
    """Whether an address may name the models of ADS_LAKE_URI; one of a kind that is not known may."""
    asked, own = UPath(lake_uri) / "models", UPath(get_settings().lake_uri) / "models"
    kinds = {asked.protocol, own.protocol}
    if kinds <= _FOLDERS:
        return _is_same_folder(Path(asked.path).resolve(), Path(own.path).resolve())
    if kinds <= _OBJECTS:
        return posixpath.normpath(asked.path) == posixpath.normpath(own.path)
    return not kinds <= _FOLDERS | _OBJECTS


def _is_same_folder(one: Path, other: Path) -> bool:
    """Whatever links and mounts lie between."""
    return one == other or (one.exists() and other.exists() and one.samefile(other))


def rollback(lake_uri: str, *, by: str, why: str, champion: str | None = None) -> dict[str, Any]:
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

    Returns
    -------
    dict
        `champion` (now) and `before` (the one rolled back).

    Raises
    ------
    SettingsError, IntegrityError
        When there is none to go back to, it does not verify, or nobody is named; the champion then stays.
    """
    _require_said(by, why)
    registry = ModelRegistry.open(lake_uri, get_settings())
    before = registry.champion()
    return {"champion": registry.roll_back(by=by, why=why, champion=champion), "before": before}


def history(lake_uri: str) -> list[dict[str, Any]]:
    """Every champion there was, the newest first: `version`, `since`, `by`, `why`, `is_rollback`."""
    return [dict(vars(reign)) for reign in ModelRegistry.open(lake_uri, get_settings()).history()]


def _require_said(by: str, why: str) -> None:
    for name, said in (("by", by), ("why", why)):
        if not said.strip() or len(said) > MOST_CHARACTERS:
            raise SettingsError(
                f"{name} has {len(said.strip())} characters: say who decides and why, each in 1 to {MOST_CHARACTERS}"
            )
