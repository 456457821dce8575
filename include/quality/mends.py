"""What to export again, in words, by the reason code of a record that was not let in."""

from __future__ import annotations

from collections.abc import Mapping

from include.sources.counting import OTHER_DATE
from include.sources.text.records import MENDS

_OF_CODE: Mapping[str, str] = {
    **MENDS,
    OTHER_DATE: "the number is used on another date, too: export each record once, under a number of its own",
    "duplicate_key_conflict": "records that differ share a number: export each once, under a number of its own",
    "trans_date_other_night": "the posting is dated another day than its night: export it with its own day",
    "known_before_decided": "it is known before it was decided: export both times in UTC",
    "torn": "the last line has no end, as a file that was cut off: export the file whole and rename it when complete",
}
_OF_ENDING: Mapping[str, str] = {
    "missing": "{column} is empty: export its value",
    "unknown_code": "{column} holds a code that is not in the list: export one of the bank's codes",
    "too_long": "{column} is too long, as where a lost quote swallows what follows: export it as one value",
    "too_large": "{column} is larger than any that it may be: export it as a number, without exponent",
    "not_an_integer": "{column} is no whole number: export its digits alone",
    "not_a_number": "{column} is no number: export digits with a point, without blanks and currency",
    "not_a_date": "{column} is no date: export all dates in one form, as 1998-12-31",
    "not_a_time": "{column} is no time: export it as 23:59 or 2359",
    "three_decimals": "{column} has more than two decimals: export amounts in whole cents",
    "infinite": "{column} is infinite, as after a division by zero: export the amount itself",
    "negative": "{column} is below zero, its direction is told by another column: export it without a sign",
    "zero": "{column} is zero: export the amount that was booked, or leave the record out",
}
_UNKNOWN = "compare the record with the relation's columns in include/relations.py and export it again"


def mend_of(code: str) -> str:
    """What is wrong with records of a reason code, and what to send instead.

    >>> mend_of("trans_date_not_a_date")
    'trans_date is no date: export all dates in one form, as 1998-12-31'
    """
    if code in _OF_CODE:
        return _OF_CODE[code]
    endings = [ending for ending in _OF_ENDING if code.endswith(f"_{ending}")]
    if not endings:
        return _UNKNOWN
    return _OF_ENDING[endings[0]].format(column=code.removesuffix(f"_{endings[0]}"))
