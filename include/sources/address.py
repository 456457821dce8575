"""What a source's address says: the place, the rounding it declares, and nothing secret."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from include.errors import SettingsError

_ROUNDING = re.compile(r"(?<=[?&])rounding=([^&]*)&?")


class Address(NamedTuple):
    """A source's address without its rounding, and the rounding in cents where it declares one."""

    uri: str
    rounding_cents: int | None


def parse_address(uri: str) -> Address:
    """Take `?rounding=0.1` off an address; other parameters stay where they are.

    Raises
    ------
    SettingsError
        When the rounding is not a positive amount of whole cents.

    >>> parse_address("file:/data/bank?rounding=0.1")
    Address(uri='file:/data/bank', rounding_cents=10)
    >>> parse_address("mysql+pymysql://host/bank?rounding=0.05&charset=utf8").uri
    'mysql+pymysql://host/bank?charset=utf8'
    """
    declared = _ROUNDING.search(uri)
    if declared is None:
        return Address(uri, None)
    return Address(_ROUNDING.sub("", uri).rstrip("?&"), _cents(declared[1]))


def _cents(text: str) -> int:
    try:
        cents = Decimal(text) * 100
    except InvalidOperation:
        cents = Decimal(0)
    if not cents.is_finite() or cents <= 0 or cents != cents.to_integral_value():
        raise SettingsError(
            f"rounding={text!r} is not a rounding: write a positive amount of whole cents, such as ?rounding=0.1"
        )
    return int(cents)
