"""Models of one lake for another: sealed anew there, since a lake opens nothing that was sealed in another."""

from __future__ import annotations

import shutil
from pathlib import Path

from include.registry import ModelRegistry
from include.settings import Settings


def move_models(origin: str, target: str, settings: Settings) -> None:
    """Keep every model of one lake in another one, too, with the same champion."""
    theirs, ours = ModelRegistry.open(origin, settings), ModelRegistry.open(target, settings)
    for path in theirs.folder.glob("*/*.sealed"):
        version, part = path.parent.name, path.name.removesuffix(".sealed")
        if version == "decisions":  # what was compared and answered there is no model
            continue
        (ours.folder / version).mkdir(parents=True, exist_ok=True)
        ours.keep(version, part, theirs.kept(version, part) or b"")
    if champion := theirs.champion():
        ours.promote(champion, by="a test", why="as it was")


def copy_lake(origin: str, folder: Path, settings: Settings) -> str:
    """Another lake with the files and models of one that published no night: a lake of its own, with its own name."""
    own = shutil.ignore_patterns("lake.id", "catalog.db*", "models")
    shutil.copytree(origin.removeprefix("file:"), folder, ignore=own)
    move_models(origin, f"file:{folder}", settings)
    return f"file:{folder}"
