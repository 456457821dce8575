"""Expectations of `fin_client`: one client."""

from __future__ import annotations

from expectations.declare import not_empty, plausible, suite, typed, unique_key
from include.relations import FIN_CLIENT

SUITE = suite(
    FIN_CLIENT.name, [*typed(FIN_CLIENT), unique_key(FIN_CLIENT), plausible("birth_date"), not_empty(FIN_CLIENT)]
)
