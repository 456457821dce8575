"""Parses a source's address into the place and the declarations about the bank; no message quotes a secret."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from include.connections import address, source_in
from include.errors import SettingsError

_DECLARED = re.compile(r"(?<=[?&])(rounding|zone|holidays)=([^&]*)&?")
_PLAIN_AMOUNT = re.compile(r"\d{1,12}\.?\d{0,12}|\.\d{1,12}", re.ASCII)
# Nobody keeps books in coarser units than the thousands of Vietnam's dong and Indonesia's rupiah; a larger slack
# would let every balance agree with every other.
_COARSEST_CENTS = 100_000
_HOLIDAY_CODE = re.compile(r"[A-Za-z]{2,12}(-[A-Za-z0-9]{1,12})?", re.ASCII)
# Names of zones that depend on the machine's settings, or mean nothing.
_NO_PLACE = frozenset({"localtime", "posixrules", "Factory"})
_LONGEST_SHOWN = 40


class Declared(NamedTuple):
    """The declarations about the bank in a source's address; None where it declares nothing.

    Attributes
    ----------
    rounding_cents
        Rounding of the source's balances, in cents.
    zone
        Time zone in which the bank's calendar days are counted.
    holidays
        Code of the calendar of bank holidays, such as `CZ`.
    """

    rounding_cents: int | None = None
    zone: ZoneInfo | None = None
    holidays: str | None = None


NOTHING_DECLARED = Declared()


class Address(NamedTuple):
    """A source's address without its declarations, and the declarations."""

    uri: str
    declared: Declared = NOTHING_DECLARED


def parse_address(uri: str) -> Address:
    """Take `?rounding=0.1`, `?zone=Europe/Prague` and `?holidays=CZ` off an address; other parameters stay in it.

    An address may also be the name of the connection that holds it, `connection:<id>`.

    Raises
    ------
    SettingsError
        When a declared value is not allowed or is given twice, or the address contains control characters.

    >>> parse_address("file:/data/bank?rounding=0.1")
    Address(uri='file:/data/bank', declared=Declared(rounding_cents=10, zone=None, holidays=None))
    >>> parse_address("postgresql://host/bank?zone=Europe/Prague&sslmode=require&holidays=CZ").uri
    'postgresql://host/bank?sslmode=require'
    """
    uri = address(uri, source_in)
    declared = declared_in(uri)
    return Address(uri if declared == NOTHING_DECLARED else _DECLARED.sub("", uri).rstrip("?&"), declared)


def declared_in(uri: str) -> Declared:
    """The declarations in an address as it is written; what a connection declares besides is not looked up.

    Raises
    ------
    SettingsError
        As `parse_address`.

    >>> declared_in("connection:ads_source_default?holidays=CZ").holidays
    'CZ'
    """
    _refuse_control_characters(uri)
    values = _values(uri)
    return Declared(
        rounding_cents=_cents(values["rounding"]) if "rounding" in values else None,
        zone=_zone(values["zone"]) if "zone" in values else None,
        holidays=_holidays(values["holidays"]) if "holidays" in values else None,
    )


def _values(uri: str) -> dict[str, str]:
    found = _DECLARED.findall(uri)
    values = {name: unquote(value) for name, value in found}
    if len(values) < len(found):
        raise SettingsError(f"the source's address declares one of {', '.join(values)} twice: keep one of each")
    return values


def _refuse_control_characters(uri: str) -> None:
    # The message does not quote the address, as it may contain a password.
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in uri):
        raise SettingsError(
            "the source's address holds a control character (a NUL, a tab or a line break): write it on one line, "
            "such as file:/data/bank"
        )


def _cents(text: str) -> int:
    cents = Decimal(text) * 100 if _PLAIN_AMOUNT.fullmatch(text) else Decimal(0)
    if not 0 < cents <= _COARSEST_CENTS or cents != cents.to_integral_value():
        raise SettingsError(
            f"rounding={_shown(text)} is not a rounding: write an amount of whole cents from 0.01 to "
            f"{_COARSEST_CENTS / 100:.2f}, such as ?rounding=0.1",
            setting="rounding",
        )
    return int(cents)


def _zone(text: str) -> ZoneInfo:
    if text in _NO_PLACE or text not in available_timezones():
        raise SettingsError(
            f"zone={_shown(text)} is not a time zone: write a name of the IANA time zone database, Area/City in its "
            "own spelling, such as ?zone=Europe/Prague, or ?zone=UTC",
            setting="zone",
        )
    return ZoneInfo(text)


def _holidays(text: str) -> str:
    if not _HOLIDAY_CODE.fullmatch(text):
        raise SettingsError(
            f"holidays={_shown(text)} is no calendar of holidays: write the code of a country, such as ?holidays=CZ",
            setting="holidays",
        )
    return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")
