"""Reads the installation's lake for pages: masked tables of some nights, and which nights are published."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from include.errors import SettingsError
from include.paths import path_of
from include.settings import Settings
from plugins.settlement_console.lake_says import LAKE_ID, is_made

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from include.lake import Lake

_DAYS_A_NIGHT = 1.5
"""Days in which a night is looked for at first: a month of nights lasts so long without weekends and holidays."""


def opened_lake(settings: Settings) -> Lake | None:
    """The lake; None where there is none yet, as a reader must not make one.

    Raises
    ------
    SettingsError
        When there is one whose key is missing, which is no lake before its first night.
    """
    if not is_made(settings):
        _require_key(settings)
        return None
    # The server loads this module at its start; the lake's libraries are imported only when somebody looks.
    from include.lake import Lake

    return Lake.open(settings.lake_uri, settings)


def _require_key(settings: Settings) -> None:
    if (path_of(settings.lake_uri) / LAKE_ID).exists():
        raise SettingsError(
            f"there is a lake, but its key is not at {settings.key_file}: restore the key file from its backup, or set "
            "ADS_KEY_FILE to where it lies",
            setting="key_file",
        )


def masked_mart(lake: Lake, name: str, first: date, last: date, columns: Iterable[str] | None = None) -> pa.Table:
    """The rows of a masked mart of the nights from `first` to `last`."""
    from include.marts import MASKED_MARTS

    return lake.read(MASKED_MARTS[name], first, last, columns)


def masked_table(lake: Lake, name: str, first: date, last: date, columns: Iterable[str] | None = None) -> pa.Table:
    """The rows of the masked table beside a published one, of the nights from `first` to `last`."""
    from include.masking.tables import MASKED_TABLES

    return lake.read(MASKED_TABLES[name], first, last, columns)


def published_nights(lake: Lake, last: date | None = None, shown: int = 1) -> dict[date, str]:
    """The newest published nights up to `last`, oldest first, each with the key of its run.

    They are found from the metadata alone, in a stretch of days that grows until it holds enough.

    Parameters
    ----------
    last
        Last night that counts; the newest when None.
    shown
        Largest number of nights.
    """
    span = lake.span()
    if span is None:
        return {}
    first, newest = span[0], min(span[1], last or span[1])
    if newest < first:
        return {}
    days = round(_DAYS_A_NIGHT * shown)
    found = lake.run_keys(newest - timedelta(days), newest)
    while len(found) < shown and newest - timedelta(days) > first:
        days *= 2
        found = lake.run_keys(newest - timedelta(days), newest)
    return dict(sorted(found.items())[-shown:])


def days_before(day: date, days: int) -> date:
    """The day so many days before another, or the first one that there is: an address may name any.

    >>> days_before(date(1994, 1, 31), 30), days_before(date.min, 1)
    (datetime.date(1994, 1, 1), datetime.date(1, 1, 1))
    """
    return date.fromordinal(max(day.toordinal() - days, date.min.toordinal()))
