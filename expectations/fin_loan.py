"""Expectations of `fin_loan`: one loan."""

from __future__ import annotations

from expectations.declare import plausible, positive, suite, typed, unique_key
from include.relations import FIN_LOAN

SUITE = suite(
    FIN_LOAN.name,
    [
        *typed(FIN_LOAN),
        unique_key(FIN_LOAN),
        plausible("granted_date"),
        *(each for column in ("amount", "duration", "payments") for each in positive(column)),
    ],
)
