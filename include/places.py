"""The sources and lakes of this installation by name: where each lies, and which source a lake belongs to.

Whoever may trigger a run chooses among names. An address would be opened with the rights and passwords of the service,
so that only who sets the installation up gives addresses.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from include.errors import SettingsError
from include.paths import path_of
from include.settings import DEFAULT_PLACE, PLACE_NAME, Settings

Kind = Literal["source", "lake"]
Elsewhere = Callable[[Kind, str], str | None]
"""Gives the address that another place than the settings has for a name, None where it has none."""

_FOLDERS = frozenset({"", "file", "local"})
_OBJECTS = frozenset({"s3", "s3a", "s3n"})


def nowhere(_kind: Kind, _name: str) -> None:
    """No other place than the settings."""


@dataclass(frozen=True)
class Places:
    """The sources and lakes that a run may name.

    Parameters
    ----------
    settings
        Settings of the installation, whose names come first.
    elsewhere
        Function that gives the addresses of names that the settings do not have.
    """

    settings: Settings
    elsewhere: Elsewhere = nowhere

    def name_of(self, kind: Kind, given: object) -> str:
        """The name that a param or an event gives; `default` where it gives none.

        Raises
        ------
        SettingsError
            When it has not the form of a name. It is not shown: most likely it is an address, which may hold a
            password.

        >>> places = Places(Settings())
        >>> places.name_of("source", None), places.name_of("lake", "trial")
        ('default', 'trial')
        """
        if given is None or given == "":
            return DEFAULT_PLACE
        if isinstance(given, str) and re.fullmatch(PLACE_NAME, given):
            return given
        raise SettingsError(
            f"`{kind}` takes a name of this installation's list and was given something else, such as an address. "
            f"{self._choice(kind)}",
            setting=kind,
        )

    def address_of(self, kind: Kind, given: object) -> str:
        """Where a named source or lake lies.

        Parameters
        ----------
        kind
            Source or lake.
        given
            The name; empty for the installation's own.

        Raises
        ------
        SettingsError
            When there is none of this name, or it is a lake's and no folder or object prefix.
        """
        name = self.name_of(kind, given)
        if address := self._registered(kind).get(name) or self.elsewhere(kind, name):
            if kind == "lake":
                require_lake(address)
            return address
        what = (
            f"no {kind} is called {name!r}" if name != DEFAULT_PLACE else f"the installation has no {kind} of its own"
        )
        raise SettingsError(f"{what}. {self._choice(kind)}", setting=kind)

    def require_own_source(self, source: object, lake: object) -> None:
        """See that a lake gets its nights and models from the one source it belongs to.

        That is the source of the lake's name or, where none has it, the installation's own. With another one, who may
        trigger a run could make a model that overlooks what they like, and have it score the bank's nights.

        Raises
        ------
        SettingsError
            When the lake belongs to another source.
        """
        source_name, lake_name = self.name_of("source", source), self._first_name(lake)
        owner = lake_name if self._exists("source", lake_name) else DEFAULT_PLACE
        if source_name != owner:
            raise SettingsError(
                f"the lake {lake_name!r} gets nights and models from its own source only, which is {owner!r}, and this "
                f"run names {source_name!r}: leave `source` and `lake` empty for the installation's own, or name a "
                f"lake that belongs to {source_name!r} (one of that name in ADS_LAKES)",
                setting="source",
            )

    def _first_name(self, lake: object) -> str:
        """The name a lake belongs to a source by; of several for one place, the installation's own comes first."""
        address = self.address_of("lake", lake)
        same = [name for name in self._registered("lake") if _is_same_lake(address, self.address_of("lake", name))]
        return same[0] if same else self.name_of("lake", lake)

    def _exists(self, kind: Kind, name: str) -> bool:
        return name in self._registered(kind) or self.elsewhere(kind, name) is not None

    def _registered(self, kind: Kind) -> dict[str, str]:
        given = self.settings
        own, named = (given.source_uri, given.sources) if kind == "source" else (given.lake_uri, given.lakes)
        return {**({DEFAULT_PLACE: own} if own else {}), **named}

    def _choice(self, kind: Kind) -> str:
        """What may be named, and how to have more; never an address."""
        names = ", ".join(self._registered(kind)) or "none yet"
        upper = kind.upper()
        return (
            f"Choose one of: {names} (empty: {DEFAULT_PLACE}), or a connection ads_{kind}_<name> of Airflow. Who runs "
            f"Airflow gives the installation's own with ADS_{upper}_URI and others with ADS_{upper}S"
        )


def require_lake(address: str) -> None:
    """See that an address is a folder or an object prefix; a database's is not shown, for it may hold a password.

    Raises
    ------
    SettingsError
        When its scheme is another one.

    >>> require_lake("s3://bucket/lake")
    """
    scheme = urlsplit(address).scheme if "://" in address else ""
    if scheme not in _FOLDERS | _OBJECTS:
        raise SettingsError(
            f"the lake has the scheme {scheme!r}; allowed are file: and s3: (or a plain path)", setting="lake_uri"
        )


def _is_same_lake(one: str, other: str) -> bool:
    """Whether two addresses may name the same models; one of a kind that is not known may."""
    asked, own = path_of(one) / "models", path_of(other) / "models"
    kinds = {asked.protocol, own.protocol}
    if kinds <= _FOLDERS:
        return _is_same_folder(Path(asked.path).resolve(), Path(own.path).resolve())
    if kinds <= _OBJECTS:
        return posixpath.normpath(asked.path) == posixpath.normpath(own.path)
    return not kinds <= _FOLDERS | _OBJECTS


def _is_same_folder(one: Path, other: Path) -> bool:
    """Whatever links and mounts lie between."""
    return one == other or (one.exists() and other.exists() and one.samefile(other))
