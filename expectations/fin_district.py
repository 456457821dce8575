"""Expectations of `fin_district`: one district; its figures are used as they come, so that they only warn."""

from __future__ import annotations

from expectations.declare import share, suite, typed, unique_key
from include.relations import FIN_DISTRICT

SUITE = suite(
    FIN_DISTRICT.name,
    [
        *typed(FIN_DISTRICT),
        unique_key(FIN_DISTRICT),
        *(share(column) for column in ("ratio_urban", "unemployment_rate95", "unemployment_rate96")),
    ],
)
