"""Dates, times, counts and codes in the words that people read."""

from __future__ import annotations

from datetime import date, datetime

_LONG_NAME = 32
"""Length of a pseudonym in characters; numbers of accounts and logins are shorter."""


def day(moment: date | None) -> str:
    """A date; a dash where there is none.

    >>> day(date(1994, 1, 31))
    '31 Jan 1994'
    """
    return "–" if moment is None else f"{moment.day} {moment:%b %Y}"


def clock(moment: datetime | None) -> str:
    """A time to the minute; a dash where there is none.

    >>> clock(datetime(1994, 1, 31, 8, 5))
    '31 Jan 1994, 08:05 UTC'
    """
    return "–" if moment is None else f"{day(moment)}, {moment:%H:%M} UTC"


def number_of(count: int, thing: str) -> str:
    """A count with what it counts.

    >>> number_of(1, "finding"), number_of(1200, "finding")
    ('1 finding', '1,200 findings')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def words(code: str) -> str:
    """A code as words.

    >>> words("missed_standing_order")
    'missed standing order'
    """
    return code.replace("_", " ")


def short(name: str | None) -> str | None:
    """A name that is short enough for a table: of a pseudonym the beginning, which tells two of them apart.

    >>> short("4711"), short("0123456789abcdef0123456789abcdef")
    ('4711', '01234567…')
    """
    return name if name is None or len(name) < _LONG_NAME else f"{name[:8]}…"
