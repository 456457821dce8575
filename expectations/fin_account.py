"""Expectations of `fin_account`: one account."""

from __future__ import annotations

from expectations.declare import not_empty, plausible, suite, typed, unique_key
from include.relations import FIN_ACCOUNT

SUITE = suite(
    FIN_ACCOUNT.name, [*typed(FIN_ACCOUNT), unique_key(FIN_ACCOUNT), plausible("create_date"), not_empty(FIN_ACCOUNT)]
)
