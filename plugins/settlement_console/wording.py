"""Dates, times, counts, codes and identifiers in the words that people read."""

from __future__ import annotations

from datetime import date, datetime

_PSEUDONYM, _SHORT = 32, 8
"""Hex digits of a pseudonym, and those of it that are shown: of ten thousand accounts two share eight by one chance in
eighty."""
_SEVERITIES = {"error": "serious", "warn": "minor"}
_HEX = frozenset("0123456789abcdef")


def day(moment: date | None) -> str:
    """A date as people say it; a dash where there is none.

    >>> day(date(1994, 1, 3))
    '3 January 1994'
    """
    return "–" if moment is None else f"{moment.day} {moment:%B %Y}"


def clock(moment: datetime | None) -> str:
    """A time to the minute; a dash where there is none.

    >>> clock(datetime(1994, 1, 31, 8, 5))
    '31 January 1994, 08:05 UTC'
    """
    return "–" if moment is None else f"{day(moment)}, {moment:%H:%M} UTC"


def number_of(count: int, thing: str) -> str:
    """A count with what it counts.

    >>> number_of(1, "finding"), number_of(1200, "finding")
    ('1 finding', '1,200 findings')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def words(code: str) -> str:
    """A code of a check, a reason or a state as words.

    >>> words("missed_standing_order")
    'missed standing order'
    """
    return code.replace("_", " ")


def severity(code: str) -> str:
    """How serious a finding is, in words; a code of a later version stands as it is.

    >>> severity("error"), severity("warn")
    ('serious', 'minor')
    """
    return _SEVERITIES.get(code, code)


def short(identifier: object) -> str:
    """An identifier for a table: of a pseudonym the first digits, by which a reader tells two of them apart.

    >>> short(4711), short("3f9a1c0d" * 4), short(None)
    ('4711', '3f9a1c0d', '–')
    """
    text = "–" if identifier is None else str(identifier)
    return text[:_SHORT] if len(text) == _PSEUDONYM and _HEX.issuperset(text) else text
