"""Converts moments written with a zone or an offset to the day and time in the bank's own zone."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

# Year to day, a clock, then what says where the clock stands: Z, an offset, letters (UTC, CEST) or a place, as
# PostgreSQL, Spark, Trino, Java and pandas write them. A clock followed by AM or PM says nothing of a zone.
_CLOCK = r"\d{4}-?\d{2}-?\d{2}[ Tt]\d{2}(?::?\d{2}){0,2}(?:[.,]\d+)?"
_PLACE = r"[A-Za-z]+(?:/[A-Za-z0-9_+-]+)+"
_OFFSET = r"[+-]\d{2}(?::?\d{2}){0,2}"
ZONED = rf"^{_CLOCK} ?(?:[Zz]|{_OFFSET}|[A-Za-z]{{3,5}}|{_PLACE})(?:\[{_PLACE}\])?$"
"""Texts that name a moment rather than a day, for engines that look at whole columns."""

_PARTS = re.compile(rf"({_CLOCK}) ?(?:([Zz]|UTC|GMT)|({_OFFSET})|({_PLACE}))(?:\[{_PLACE}\])?", re.ASCII)


def local_moment(text: str, zone: ZoneInfo) -> datetime | None:
    """The day and time in a zone of a moment written with a zone or an offset, or None where it is no such moment.

    >>> local_moment("2024-03-31T22:30:00Z", ZoneInfo("Europe/Prague")).isoformat()
    '2024-04-01T00:30:00+02:00'
    >>> local_moment("2024-03-31 23:30:00", ZoneInfo("Europe/Prague")) is None
    True
    """
    try:
        moment = _iso_moment(text) or _spelled_moment(text)
        return moment and moment.astimezone(zone)
    except (ValueError, OverflowError):
        return None


def _iso_moment(text: str) -> datetime | None:
    """The moment in the usual spelling, which is read three times as fast as others: a bank has a million moments."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _spelled_moment(text: str) -> datetime | None:
    found = _PARTS.fullmatch(text)
    if found is None:
        return None
    clock, letters, offset, place = found.groups()
    if place:
        return datetime.fromisoformat(clock).replace(tzinfo=_place(place))
    return datetime.fromisoformat(f"{clock}{'+00:00' if letters else offset}")


@lru_cache(maxsize=64)
def _place(name: str) -> ZoneInfo:
    if name not in available_timezones():
        raise ValueError(name)
    return ZoneInfo(name)
