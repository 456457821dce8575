"""Expectations of `fin_district`: one district; its figures are used as they come, so that they only warn."""

from __future__ import annotations

import great_expectations.expectations as gxe

from expectations.declare import Declared, share, suite, typed, unique_key, warn_row
from include.relations import FIN_DISTRICT


def _degrees(column: str, most: int) -> Declared:
    """A coordinate lies on the globe; one that does not is taken for unknown."""
    return warn_row(
        f"{column}_implausible", gxe.ExpectColumnValuesToBeBetween(column=column, min_value=-most, max_value=most)
    )


SUITE = suite(
    FIN_DISTRICT.name,
    [
        *typed(FIN_DISTRICT),
        unique_key(FIN_DISTRICT),
        *(share(column) for column in ("ratio_urban", "unemployment_rate95", "unemployment_rate96")),
        _degrees("latitude", 90),
        _degrees("longitude", 180),
    ],
)
