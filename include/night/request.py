"""The request for one run of one night."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Self
from uuid import uuid4

from include.errors import SettingsError
from include.lake.work_folder import folder_name
from include.settings import Settings, get_settings

# Python itself would read 20240131 and 2024-W05-3 too; a night has one spelling.
_WRITTEN_NIGHT = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class NightRequest:
    """One run of one settlement date.

    Attributes
    ----------
    night
        Settlement date.
    source_uri, lake_uri
        Addresses of the bank's relations and of the lake.
    attempt
        Name of this run, of its work folder and in the lake's snapshots: letters, digits, `_`, `.` and `-`.
    settings
        Settings of the installation, read once for the whole run.
    """

    night: date
    # May hold a password, which no log and no trace is to show.
    source_uri: str = field(repr=False)
    lake_uri: str
    attempt: str
    settings: Settings = field(default_factory=get_settings, repr=False, compare=False)

    @classmethod
    def of(cls, night: str | date, source_uri: str, lake_uri: str, attempt: str = "") -> Self:
        """A request from texts that people and schedulers type.

        Without an attempt the run gets a name of its own, so that two runs at once share no work folder.

        Raises
        ------
        SettingsError
            When the date does not exist or an address is empty.
        """
        for name, value in (("source", source_uri), ("lake", lake_uri)):
            if not value:
                raise SettingsError(f"no {name} given: name a folder, object prefix or database, e.g. file:/data/bank")
        return cls(parse_night(night), source_uri, lake_uri, folder_name(attempt or f"run-{uuid4().hex}"))


def parse_night(value: str | date) -> date:
    """The settlement date in `value`.

    Raises
    ------
    SettingsError
        When it is not a date that exists, written YYYY-MM-DD.
    """
    if isinstance(value, date):
        return value
    try:
        if _WRITTEN_NIGHT.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass  # the form is right, the day does not exist
    raise SettingsError(f"{value!r} is not a settlement date: write one that exists as YYYY-MM-DD")
